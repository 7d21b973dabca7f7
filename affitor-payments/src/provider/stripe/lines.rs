//! What a Stripe object says was sold.

use serde_json::Value;

use super::super::{Refused, read::Fields};
use crate::ledger::{Line, Lines};

/// Reads an invoice's lines, or those of a Checkout session, which only responses of the API contain.
pub(super) fn lines(object: Fields<'_>, list: &str) -> Option<Lines> {
    let list = Fields(object.get(list)?);
    let items = list.get("data")?.as_array()?;
    let read: Option<Vec<Line>> = items.iter().map(|item| line(Fields(item)).ok().flatten()).collect();
    // A line that can't be read is missing.
    let is_complete = read.is_some() && list.get("has_more").and_then(Value::as_bool) != Some(true);
    Some(Lines::new(read.unwrap_or_default(), is_complete))
}

fn line(line: Fields<'_>) -> Result<Option<Line>, Refused> {
    // Since API 2025-03-31, and before.
    let product = match line.reference("pricing.price_details.product")? {
        None => line.reference("price.product")?,
        product => product,
    };
    let amount = line.get("amount_total").or_else(|| line.get("amount")).and_then(Value::as_i64);
    let quantity = line.get("quantity").and_then(Value::as_u64);
    let name = line.text("description")?;
    Ok(amount.map(|amount| Line::new(product, name, amount, quantity)))
}
