//! Redacts personal data in events, because the output goes into logs and tickets.

use serde_json::{Map, Value, json};

/// Redacts e-mail addresses, and removes the fields that hold the app's own data.
pub(crate) fn redacted(value: Value) -> Value {
    match value {
        Value::String(text) if may_contain_email(&text) => json!("[redacted]"),
        Value::Array(values) => values.into_iter().map(redacted).collect(),
        Value::Object(values) => values
            .into_iter()
            .filter(|(name, _)| name != "additional_data" && name != "line_items")
            .map(|(name, value)| {
                let value = if name == "email" { json!("[redacted]") } else { redacted(value) };
                (if may_contain_email(&name) { "[redacted]".to_owned() } else { name }, value)
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

/// Searches for `@`, also as escaped in URLs, JSON and HTML.
fn may_contain_email(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["@", "%40", "%2540", "\\u0040", "&#64;", "&#x40;", "&commat;"].iter().any(|at| lower.contains(at))
}
