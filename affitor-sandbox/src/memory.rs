//! Memory: what is kept of each event, and the limit for all of them.
//!
//! Anyone can report clicks, and a sandbox may run for months, so both are bounded:
//!
//! - Of each event, texts are cut to [`TEXT_LIMIT`] bytes, and `additional_data` and `line_items` are kept only up to
//!   [`JSON_LIMIT`] bytes in memory.
//! - In total, if the records exceed the sandbox's limit, the oldest *bodies* (everything that no later call needs) are
//!   dropped first, then provisional leads, then the oldest clicks that no signed-up customer needs. All are counted.
//!
//! Customers, leads, sales, transaction ids, commissions and refunds are never dropped. If they alone reach the limit,
//! calls that would record something get a 503.
//!
//! The sandbox's memory is bounded, and money is never forgotten. Each record has an essential part and a body that no later call
//! needs. At the limit, bodies are dropped first, then clicks. A click that a signed-up customer's next sale would be credited to is
//! part of the customer. Visitors who only clicked are dropped with their last click, because nothing else refers to them. What is
//! dropped is counted, and the totals of the dashboard contain it.

use std::mem::size_of;

use serde::Serialize;
use serde_json::Value;

/// Default limit for all records, in bytes.
pub(crate) const DEFAULT_LIMIT: usize = 512 * 1024 * 1024;

/// Maximum length of a text in a record, in bytes. Longer ones are cut.
pub(crate) const TEXT_LIMIT: usize = 2 * 1024;

/// Maximum length of an id, in characters. Longer ones are refused, because a cut id would be another id.
pub(crate) const ID_LIMIT: usize = 512;

/// Maximum size of `additional_data` or `line_items` in memory, in bytes. Larger ones are not kept.
pub(crate) const JSON_LIMIT: usize = 16 * 1024;

/// Maximum number of provisional leads, which need no key. The oldest are dropped first.
pub(crate) const PROVISIONAL_LIMIT: usize = 10_000;

/// Maximum number of test events. The oldest are dropped first.
pub(crate) const TEST_EVENT_LIMIT: usize = 10_000;

/// Cost of an allocation besides its contents, in bytes.
const ALLOCATION: usize = 16;

/// Cost of an entry in a hash map besides its contents, in bytes. It includes room for growth.
const MAP_ENTRY: usize = 96;

/// Memory used by the records of a sandbox, and what has been dropped to stay within the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemoryUse {
    /// Estimated size of all records, in bytes.
    pub used_bytes: usize,
    /// Limit, in bytes.
    pub limit_bytes: usize,
    /// Number of events of which only the essential fields are left.
    pub dropped_bodies: u64,
    /// Number of clicks that were dropped.
    pub dropped_clicks: u64,
    /// Number of test events that were dropped.
    pub dropped_test_events: u64,
    /// Number of provisional leads that were dropped.
    pub dropped_provisional_leads: u64,
}

/// Size of the records, in bytes, by what may be dropped.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// Bodies of clicks, leads, sales and refunds.
    pub bodies: usize,
    /// Clicks without their bodies, and visitors who only clicked.
    pub clicks: usize,
    /// What is never dropped.
    pub rest: usize,
}

impl Used {
    pub(crate) fn total(&self) -> usize {
        with_gaps(self.bodies + self.clicks + self.rest)
    }

    /// Size of what is never dropped.
    pub(crate) fn never_dropped(&self) -> usize {
        with_gaps(self.rest)
    }
}

/// Adds a quarter for the gaps that dropped records leave between others, as measured in a simulated day (`soak staging` of the
/// workspace's tests).
fn with_gaps(size: usize) -> usize {
    size + size / 4
}

/// Size of a text on the heap.
pub(crate) fn text(text: &str) -> usize {
    if text.is_empty() { 0 } else { text.len() + ALLOCATION }
}

pub(crate) fn optional(value: Option<&String>) -> usize {
    value.map_or(0, |value| text(value))
}

pub(crate) fn texts(values: &[String]) -> usize {
    if values.is_empty() {
        return 0;
    }
    values.iter().map(|value| text(value) + size_of::<String>()).sum::<usize>() + ALLOCATION
}

/// Size of an entry of a hash map with a text as its key.
pub(crate) fn entry(key: &str) -> usize {
    text(key) + MAP_ENTRY
}

/// Size of a record in an ordered map or a growing list, besides what it points to.
pub(crate) fn record<T>() -> usize {
    size_of::<T>() + 3 * ALLOCATION
}

/// Size of a node of an ordered map, which holds up to 11 fields, and how many it holds at least if there are several nodes.
/// A small object takes a whole node.
const NODE: usize = 11 * (size_of::<String>() + size_of::<Value>()) + 2 * ALLOCATION;
const NODE_FIELDS: usize = 5;

/// Size of a JSON value on the heap.
pub(crate) fn json(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(content) => text(content),
        Value::Array(items) => ALLOCATION + items.iter().map(|item| size_of::<Value>() + json(item)).sum::<usize>() * 2,
        Value::Object(fields) => {
            let contents = fields.iter().map(|(name, value)| text(name) + json(value)).sum::<usize>();
            fields.len().div_ceil(NODE_FIELDS) * NODE + contents
        }
    }
}

pub(crate) fn optional_json(value: Option<&Value>) -> usize {
    value.map_or(0, json)
}

/// Cuts a text to [`TEXT_LIMIT`], at the boundary of a character.
pub(crate) fn cut(mut content: String) -> String {
    if content.len() > TEXT_LIMIT {
        let end = (0..=TEXT_LIMIT).rev().find(|end| content.is_char_boundary(*end));
        content.truncate(end.unwrap_or_default());
        content.shrink_to_fit();
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("a".repeat(TEXT_LIMIT)).len(), TEXT_LIMIT);
        assert_eq!(cut("a".repeat(TEXT_LIMIT + 1)).len(), TEXT_LIMIT);
        assert_eq!(cut(format!("a{}", "é".repeat(TEXT_LIMIT))).len(), TEXT_LIMIT - 1);
    }

    #[test]
    fn nested_lists_count_more_than_their_text() {
        let nested: Value = serde_json::from_str(&format!("[{}[]]", "[],".repeat(999))).unwrap();
        assert!(json(&nested) > 1_000 * size_of::<Value>());
        let nested = (0..50).fold(Value::Null, |inner, _| serde_json::json!({ "a": inner }));
        assert!(json(&nested) > 50 * 600, "each object takes a node of the map");
    }
}
