//! Who a Stripe object says that a payment belongs to.

use affitor::{
    ClickId,
    stripe::{CLICK_ID, CUSTOMER_KEY, PRODUCT_ID, PROGRAM_ID},
};
use serde_json::Value;

use super::super::{Refused, read::Fields};
use crate::ledger::Attribution;

/// Reads the metadata at a path.
pub(super) fn metadata(object: Fields<'_>, path: &'static str) -> Result<Attribution, Refused> {
    object.get(path).map_or(Ok(Attribution::default()), |metadata| of_map(metadata, path))
}

fn of_map(metadata: &Value, path: &'static str) -> Result<Attribution, Refused> {
    let customer_key = match metadata.get(CUSTOMER_KEY) {
        None | Some(Value::Null) => None,
        Some(Value::String(key)) => Some(key.clone()).filter(|key| !key.trim().is_empty()),
        Some(Value::Number(number)) if number.is_u64() => Some(number.to_string()),
        Some(_) => return Err(Refused::WrongField { field: path, expected: "metadata of strings" }),
    };
    let click_id = metadata.get(CLICK_ID).and_then(Value::as_str).filter(|id| ClickId::new(id).is_ok());
    let program_id = match metadata.get(PROGRAM_ID) {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id.trim().to_owned()).filter(|id| !id.is_empty()),
        // Not a string, so it can't be this program unless the digits are the same.
        Some(other) => Some(other.to_string()),
    };
    Ok(Attribution { customer_key, click_id: click_id.map(str::to_owned), program_id, ..Attribution::default() })
}

/// Reads the product that an object's metadata names.
pub(super) fn product_id(object: Fields<'_>) -> Option<String> {
    match object.get("metadata")?.get(PRODUCT_ID)? {
        Value::String(id) => Some(id.trim().to_owned()).filter(|id| !id.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads the attribution of a Checkout session, whose customer may be in `client_reference_id`.
pub(super) fn of_session(session: Fields<'_>) -> Result<Attribution, Refused> {
    let mut attribution = metadata(session, "metadata")?;
    if attribution.customer_key.is_none() {
        attribution.customer_key = session.id("client_reference_id")?;
        attribution.by_reference = attribution.customer_key.is_some();
    }
    Ok(attribution)
}

/// Reads the metadata of an invoice's lines, if they name one customer.
pub(super) fn of_lines(invoice: Fields<'_>) -> Result<Attribution, Refused> {
    let mut found = Attribution::default();
    for line in invoice.get("lines.data").and_then(Value::as_array).into_iter().flatten() {
        let Some(map) = line.get("metadata") else { continue };
        let line = of_map(map, "lines.data.metadata")?;
        if found.names_somebody() && line.names_somebody() && line != found {
            return Ok(Attribution::default());
        }
        found = found.or(&line);
    }
    Ok(found)
}
