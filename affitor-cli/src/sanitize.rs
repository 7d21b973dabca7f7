//! Makes text from a server safe to print on a terminal.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Sanitizes every string in a response: replaces control characters and bidirectional overrides, which could move the
/// cursor, forge lines or reverse text, and hides the key.
pub(crate) fn sanitized<T: Serialize + DeserializeOwned>(response: T, key: Option<&str>) -> T {
    let sanitize = |text: &str| {
        let text = printable(text);
        key.filter(|key| !key.is_empty()).map_or(text.clone(), |key| text.replace(key, "(not shown)"))
    };
    let sanitized = serde_json::to_value(&response).map(|mut json| {
        for_each_string(&mut json, &sanitize);
        serde_json::from_value(json)
    });
    match sanitized {
        Ok(Ok(sanitized)) => sanitized,
        // Unreachable: a value that was read from JSON survives the round trip.
        _ => response,
    }
}

/// Replaces the characters that are not safe to print.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { '\u{fffd}' } else { c }).collect()
}

fn for_each_string(json: &mut Value, sanitize: &impl Fn(&str) -> String) {
    match json {
        Value::String(text) => *text = sanitize(text),
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_string(item, sanitize)),
        Value::Object(fields) => fields.values_mut().for_each(|value| for_each_string(value, sanitize)),
        _ => {}
    }
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
