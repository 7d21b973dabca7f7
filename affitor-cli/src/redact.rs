//! Redacts personal data in events, because the output goes into logs and tickets.

use affitor_core::redact::may_hold_address;
use serde_json::{Map, Value, json};

/// Redacts e-mail addresses, and removes the fields that hold the app's own data.
pub(crate) fn redacted(value: Value) -> Value {
    match value {
        Value::String(text) if may_hold_address(&text) => json!("[redacted]"),
        Value::Array(values) => values.into_iter().map(redacted).collect(),
        Value::Object(values) => values
            .into_iter()
            .filter(|(name, _)| name != "additional_data" && name != "line_items")
            .map(|(name, value)| {
                let value = if name == "email" { json!("[redacted]") } else { redacted(value) };
                (if may_hold_address(&name) { "[redacted]".to_owned() } else { name }, value)
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}
