//! The ids in a webhook, whether or not it can be read: what a person may look it up by.

use std::collections::BTreeSet;

use serde_json::Value;

/// How many ids are kept.
const MOST: usize = 32;

/// The longest id, in bytes.
const LONGEST: usize = 255;

/// How deep objects are searched. Stripe's objects are at `data.object`, and name others in fields of their own.
const DEPTH: usize = 4;

/// Fields with what the app or a person has written: it may identify a person.
const OF_THE_APP: [&str; 8] = [
    "client_reference_id",
    "custom_data",
    "custom_field_data",
    "customer_details",
    "customer_external_id",
    "external_customer_id",
    "external_id",
    "metadata",
];

/// Fields of Stripe whose names don't end with `id`.
const REFERENCES: [&str; 9] = [
    "account",
    "charge",
    "credit_note",
    "customer",
    "dispute",
    "invoice",
    "latest_charge",
    "payment_intent",
    "subscription",
];

pub(crate) fn ids(json: &Value) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    collect(json, DEPTH, &mut ids);
    ids
}

fn collect(value: &Value, depth: usize, ids: &mut BTreeSet<String>) {
    let Value::Object(fields) = value else { return };
    // Lemon Squeezy's orders and invoices have separate number series.
    let series = match fields.get("type").and_then(Value::as_str) {
        Some("orders") => Some("ls_order_"),
        Some("subscription-invoices") => Some("ls_invoice_"),
        Some("subscriptions") => Some("ls_subscription_"),
        _ => None,
    };
    for (name, value) in fields.iter().filter(|(name, _)| !OF_THE_APP.contains(&name.as_str())) {
        if ids.len() >= MOST {
            return;
        }
        match value {
            Value::String(id) if name == "id" && series.is_some() => {
                ids.insert(format!("{}{id}", series.unwrap_or_default()));
            }
            Value::String(id) if is_reference(name) && is_id(id) => {
                ids.insert(id.clone());
            }
            Value::Object(_) if depth > 1 => collect(value, depth - 1, ids),
            _ => {}
        }
    }
}

fn is_reference(name: &str) -> bool {
    name == "id" || name.ends_with("_id") || REFERENCES.contains(&name)
}

/// Ids of providers consist of these characters. An e-mail address does not.
fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_of_the_provider_and_nothing_that_identifies_a_person() {
        let stripe = json!({ "id": "evt_1", "account": "acct_1", "data": { "object": { "id": "pi_1", "customer": "cus_1",
            "invoice": { "id": "in_1" }, "client_reference_id": "user_7", "external_customer_id": "user_7", "receipt_email": "jo@example.com", "metadata": { "user_id": "user_7" } } } });
        assert_eq!(ids(&stripe).into_iter().collect::<Vec<_>>(), ["acct_1", "cus_1", "evt_1", "in_1", "pi_1"]);
        let order = json!({ "meta": { "custom_data": { "user_id": "user_7" } },
            "data": { "type": "orders", "id": "5", "attributes": { "customer_id": 7, "user_email": "jo@example.com" } } });
        assert_eq!(ids(&order).into_iter().collect::<Vec<_>>(), ["ls_order_5"]);
        let many: serde_json::Map<_, _> = (0..100).map(|n| (format!("a{n}_id"), json!(format!("x{n}")))).collect();
        assert_eq!(ids(&many.into()).len(), MOST);
    }
}
