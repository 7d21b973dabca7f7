//! Test mode, the chain, readiness, status and the dashboard.

use affitor_sandbox::Payout;
use serde_json::json;

use super::{KEY, NONE, Run, sale, two_partners};

pub(crate) async fn test_mode(run: &mut Run) {
    let mut at = run.of("test mode", two_partners()).await;
    for program in [json!("42"), json!(42), json!(null)] {
        let body = json!({ "additional_data": { "test_mode": true, "program_id": program } });
        at.track("2 test mode, program_id", "click", NONE, body).await;
    }
    let body = json!({ "additional_data": { "test_mode": true } });
    at.track("2 test mode, a lead", "lead", KEY, body.clone()).await;
    at.track("2 test mode, a sale", "sale", KEY, body.clone()).await;
    at.track("2 test mode, the key first", "sale", NONE, body).await;
    let body = json!({ "additional_data": { "test_mode": true }, "transaction_id": 7, "amount_cents": "x" });
    at.track("2 test mode, before validation", "sale", KEY, body).await;
    let check = "/api/tracking/check-test-events";
    at.post("2 check-test-events", check, NONE, json!({ "program_id": 42 })).await;
    at.post("2 check-test-events, a step", check, NONE, json!({ "program_id": "42", "step_id": "payments" })).await;
    at.post("ours: 400", check, NONE, json!({})).await;
    at.post("ours: 400", check, NONE, json!({ "program_id": 42, "step_id": "elsewhere" })).await;
    at.post("ours: 404", check, NONE, json!({ "program_id": 43 })).await;
    let test = "/api/tracking/test";
    at.post("2 trackTest", test, NONE, json!({ "program_id": "42", "step_id": "referrals" })).await;
    at.post("ours: 400", test, NONE, json!({ "program_id": [] })).await;
    at.post("ours: 404", test, NONE, json!({ "program_id": "x" })).await;
}

pub(crate) async fn verification(run: &mut Run) {
    let mut at = run.of("chain, readiness, status", two_partners()).await;
    let (test_event, readiness) = ("/api/v1/cli/test-event", "/api/v1/programs/me/readiness");
    at.get("2 readiness 401", readiness, Some("Bearer wrong")).await;
    at.get("2 readiness: before any event", readiness, KEY).await;
    at.get("3 the tracker", "/js/affitor-tracker.js", NONE).await;
    at.get("2 readiness: kept for a minute", readiness, KEY).await;
    at.get("2 readiness force_recheck: tracker_installed", &format!("{readiness}?force_recheck=true"), KEY).await;
    at.post("2 chain 401", test_event, NONE, json!({ "type": "chain" })).await;
    at.post("2 chain 400", test_event, KEY, json!({ "event_type": "refund" })).await;
    for _ in 0..10 {
        at.post("2 chain 200", test_event, KEY, json!({ "type": "chain" })).await;
    }
    at.post("2 chain 429", test_event, KEY, json!({ "type": "chain" })).await;
    at.post("2 chain, the old form", test_event, KEY, json!({ "program_id": "42", "event_type": "lead" })).await;
    at.get("2 readiness: the chain is enough", readiness, KEY).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let sold = json!({ "transaction_id": "t_1", "amount_cents": 100, "click_id": click_id });
    at.track("2 sale 200", "sale", KEY, sold).await;
    at.get("2 readiness: a real event", readiness, KEY).await;
    at.get("2 status", "/api/v1/cli/status?program_id=42", KEY).await;
    at.get("ours: 400", "/api/v1/cli/status", KEY).await;
    at.get("2 status 401", "/api/v1/cli/status?program_id=42", NONE).await;
    at.get("ours: 404", "/api/v1/cli/status?program_id=7", KEY).await;

    let poor = two_partners().without_commission().profile_complete(false).payout(Payout::Missing);
    let mut at = run.of("chain and readiness of a program that is not set up", poor).await;
    at.post("2 chain: unattributed without a policy", test_event, KEY, json!({ "type": "chain" })).await;
    at.get("2 readiness: next actions", readiness, KEY).await;
}

pub(crate) async fn dashboard(run: &mut Run) {
    let mut at = run.of("dashboard", two_partners()).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    at.track("2 lead 200", "lead", KEY, json!({ "click_id": click_id, "customer_key": "user_7" })).await;
    at.track("2 sale 200", "sale", KEY, sale("t_1", "user_7")).await;
    at.get("2 events", "/api/tracking/events/42", NONE).await;
    at.get("2 events, filtered", "/api/tracking/events/42?eventType=lead&pageSize=1&dateFrom=2026-11-01", NONE).await;
    at.get("2 events 404", "/api/tracking/events/43", NONE).await;
    at.get("ours: 400", "/api/tracking/events/42?page=0", NONE).await;
    at.get("2 performance", "/api/tracking/performance/42?dateFrom=2026-11-19&dateTo=2026-11-20", NONE).await;
    at.get("ours: 400", "/api/tracking/performance/42?period=1d", NONE).await;
    at.get("ours: 404", "/api/tracking/performance/43", NONE).await;
    at.get("2 performance, the default period", "/api/tracking/performance/42", NONE).await;
    at.get("2 status of the steps", "/api/tracking/status/42", NONE).await;
    let step = json!({ "program_id": 42 });
    at.post("2 tracker's test", "/api/tracking/test", NONE, step).await;
    at.get("2 status of the steps: a test click", "/api/tracking/status/42", NONE).await;
    for path in ["events/42", "performance/42", "status/42"] {
        let path = format!("/api/tracking/{path}");
        at.with_host("ours: only for this machine", "GET", &path, "shop.example", None).await;
    }
    let step = json!({ "program_id": 42 }).to_string();
    let path = "/api/tracking/check-test-events";
    at.with_host("ours: only for this machine", "POST", path, "shop.example", Some(step)).await;
    at.get("ours: 404", "/api/tracking/status/43", NONE).await;
}
