//! Invalid bodies and paths, and injected faults.

use std::time::Duration;

use affitor_sandbox::{ApiCall, Fault};
use serde_json::json;

use super::{KEY, NONE, Run, two_partners};

pub(crate) async fn bodies_and_paths(run: &mut Run) {
    let mut at = run.of("bodies and paths", two_partners()).await;
    let click = "/api/v1/track/click";
    for body in ["{", "[]", "\u{feff}{}", ""] {
        at.raw("ours: not a JSON object", click, NONE, body).await;
    }
    let long_id = json!({ "click_id": "x".repeat(513), "customer_key": "user_7" });
    at.track("ours: an id of more than 512 characters", "lead", NONE, long_id).await;
    let long = format!("{{\"page_title\": \"{}\"}}", "x".repeat(1024 * 1024));
    at.raw("ours: over 1 MiB", click, NONE, &long).await;
    at.raw("2 sale: the key first", "/api/v1/track/sale", NONE, "{").await;
    at.get("2 errors: the shape of the CMS", click, NONE).await;
    at.get("2 errors: the shape of the CMS", "/api/elsewhere", NONE).await;
}

pub(crate) async fn faults(run: &mut Run) {
    let mut at = run.of("faults", two_partners()).await;
    let click = || json!({ "affiliate_url": "https://shop.example/?aff=abc123" });
    for fault in [
        Fault::ErrorBeforeWrite,
        Fault::ErrorAfterWrite,
        Fault::RateLimited(Duration::from_secs(30)),
        Fault::BadGateway,
        Fault::ResetBeforeWrite,
        Fault::ResetAfterWrite,
        Fault::TruncatedResponse,
        Fault::Latency(Duration::from_millis(1)),
    ] {
        at.sandbox.inject(fault.times(1));
        at.track(&format!("2 errors: {fault}"), "click", NONE, click()).await;
    }
    for (call, row) in [
        (ApiCall::Lead, "2 errors: 500"),
        (ApiCall::Sale, "2 errors: 500"),
        (ApiCall::Refund, "2 errors: 500"),
        (ApiCall::TestEvent, "ours: 500"),
        (ApiCall::Readiness, "2 readiness 500"),
    ] {
        at.sandbox.inject(Fault::ErrorBeforeWrite.times(1).on(call));
        let (method, path) = match call {
            ApiCall::Readiness => ("GET", "/api/v1/programs/me/readiness".to_owned()),
            ApiCall::TestEvent => ("POST", "/api/v1/cli/test-event".to_owned()),
            _ => ("POST", format!("/api/v1/track/{call}")),
        };
        let body = (method == "POST").then(|| "{}".to_owned());
        at.send(row, method, &path, KEY, body).await;
    }
}
