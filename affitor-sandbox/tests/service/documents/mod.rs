//! Every response that the service documents, as a table of keys, types and example values, compared with the sandbox's
//! response key by key. A difference is a missing key, a key that is not documented, another type, or another value.
//!
//! The table restates section 2 of the service's facts (`affitor-api.md`). In it, `<int>`, `<number>`, `<text>`, `<flag>`,
//! `<time>` (ISO 8601 with milliseconds), `<date>` and `<click id>` stand for any value of that type; `<null or time>` and
//! the like allow null. Anything else is the exact value. An array has one entry, which all entries must match.

mod compare;
mod scenes;
mod table;

use std::io::Write as _;

use compare::Comparison;
use serde_json::json;
use table::{Row, table};

#[tokio::test]
async fn every_documented_response() {
    let mut comparison = Comparison::default();
    let mut rows = 0;
    for Row { name, status, body } in table() {
        let (got_status, got) = scenes::response(name).await;
        comparison.compare_status(name, status, got_status);
        comparison.compare(name, &body, &got);
        rows += 1;
    }
    let differences = &comparison.differences;
    let (fields, count) = (comparison.fields, differences.len());
    writeln!(std::io::stderr(), "documents: {rows} responses, {fields} fields compared, {count} differences").unwrap();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(rows >= 34, "the service documents at least 34 responses");
}

/// The comparison can fail.
#[test]
fn differences_are_found() {
    let expected = json!({ "a": "<int>", "b": { "c": "<time>" }, "d": ["<text>"], "e": "exact" });
    let matching = json!({ "a": 1, "b": { "c": "2026-11-20T12:00:00.000Z" }, "d": ["x", "y"], "e": "exact" });
    for (change, wrong) in [
        ("missing", json!({ "a": 1, "b": { "c": "2026-11-20T12:00:00.000Z" }, "d": [] })),
        ("not documented", json!({ "a": 1, "b": { "c": "2026-11-20T12:00:00.000Z" }, "d": [], "e": "exact", "f": 1 })),
        ("a: ", json!({ "a": "1", "b": { "c": "2026-11-20T12:00:00.000Z" }, "d": [], "e": "exact" })),
        ("b.c: ", json!({ "a": 1, "b": { "c": "2026-11-20" }, "d": [], "e": "exact" })),
        ("d[1]: ", json!({ "a": 1, "b": { "c": "2026-11-20T12:00:00.000Z" }, "d": ["x", 1], "e": "exact" })),
        ("e: ", json!({ "a": 1, "b": { "c": "2026-11-20T12:00:00.000Z" }, "d": [], "e": "other" })),
    ] {
        let mut comparison = Comparison::default();
        comparison.compare("row", &expected, &wrong);
        assert_eq!(comparison.differences.len(), 1, "{change}: {:?}", comparison.differences);
        assert!(comparison.differences[0].contains(change), "{change}: {:?}", comparison.differences);
    }
    let mut comparison = Comparison::default();
    comparison.compare("row", &expected, &matching);
    assert_eq!((comparison.differences.len(), comparison.fields), (0, 5));
}
