//! The calls around tracking: the chain, readiness, status, the dashboard, and CORS.

use crate::support::{Visitor, builder, start};
use affitor_sandbox::Payout;
use serde_json::{Value, json};

#[tokio::test]
async fn the_dashboard_list() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_1").await;
    sandbox.advance_days(1);
    server.click("abc123", None).await;
    let get = async |path: &str| {
        let response = reqwest::get(format!("{}{path}", sandbox.url())).await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, response) = get("/api/tracking/events/42").await;
    assert_eq!(
        (status, response["meta"]["pagination"].clone()),
        (200, json!({ "page": 1, "pageSize": 10, "pageCount": 1, "total": 4 }))
    );
    let kinds: Vec<_> =
        response["data"].as_array().unwrap().iter().map(|event| event["event_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["click", "conversion", "lead", "click"]);
    let ids: Vec<_> = response["data"].as_array().unwrap().iter().map(|event| event["id"].clone()).collect();
    let (_, sales) = get("/api/tracking/events/42?eventType=conversion").await;
    let event = &sales["data"][0];
    assert_eq!(event["id"], ids[1], "filters don't change ids");
    assert_eq!((&event["processor_event_id"], &event["amount_cents"]), (&json!("t_1"), &json!(10_000)));
    let timestamp = event["timestamp"].as_str().unwrap();
    assert!(timestamp.len() == 24 && timestamp.ends_with('Z'), "{timestamp}");
    let (_, page) = get("/api/tracking/events/42?page=2&pageSize=3").await;
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    let (_, none) = get("/api/tracking/events/42?dateFrom=2100-01-01").await;
    assert_eq!(none["meta"]["pagination"]["total"], 0);
    let (_, before) = get("/api/tracking/events/42?dateTo=2100-01-01T00:00:00Z").await;
    assert_eq!(before["meta"]["pagination"]["total"], 4);
    for (path, status) in [
        ("/api/tracking/events/43", 404),
        ("/api/tracking/events/x", 404),
        ("/api/tracking/events/42?page=0", 400),
        ("/api/tracking/events/42?eventType=refund", 400),
        ("/api/tracking/events/42?dateFrom=yesterday", 400),
        ("/api/elsewhere", 404),
        ("/api/v1/track/click", 405),
    ] {
        let (got, response) = get(path).await;
        assert_eq!((got, &response["error"]["status"]), (status, &json!(status)), "{path}");
    }
}

#[tokio::test]
async fn pages_of_other_origins() {
    let any = start(builder()).await;
    let one = start(builder().allow_origin("https://shop.example")).await;
    for (sandbox, origin, allowed) in [
        (&any, "https://shop.example", true),
        (&any, "null", true),
        (&one, "https://shop.example", true),
        (&one, "https://other.example", false),
    ] {
        for (call, by_browsers) in [("click", true), ("lead", true), ("sale", false), ("refund", false)] {
            let url = format!("{}/api/v1/track/{call}", sandbox.url());
            let allowed_origin = |response: reqwest::Response| {
                response.headers().get("access-control-allow-origin").map(|origin| origin.to_str().unwrap().to_owned())
            };
            let expected = (by_browsers && allowed).then(|| origin.to_owned());
            let http = reqwest::Client::new();
            let preflight = http.request(reqwest::Method::OPTIONS, &url).header("origin", origin).send().await.unwrap();
            assert_eq!(preflight.status(), if by_browsers { 204 } else { 405 }, "{call}");
            assert_eq!(allowed_origin(preflight), expected, "{call} {origin}");
            assert_eq!(
                allowed_origin(http.post(&url).header("origin", origin).send().await.unwrap()),
                expected,
                "{call} {origin}"
            );
        }
    }
    let script = reqwest::get(format!("{}/js/affitor-tracker.js", any.url())).await.unwrap();
    assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
    assert!(script.text().await.unwrap().contains("window.affitor = {"));
}

/// The calls made by developer tools.
#[tokio::test]
async fn chain_readiness_and_status() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    let get = async |path: &str, key: &str| {
        let request = reqwest::Client::new().get(format!("{}{path}", sandbox.url())).bearer_auth(key);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let readiness = "/api/v1/programs/me/readiness";
    assert_eq!(
        get(readiness, "wrong").await,
        (401, json!({ "error": { "code": "invalid_key", "message": "Invalid API token." } }))
    );
    let (_, before) = get(readiness, "test_key").await;
    assert_eq!((&before["state"], &before["blocker"]), (&json!("configuring"), &json!("tracking")));
    assert_eq!(before["gates"]["tracking"]["next_action"], "install_tracker_or_send_events");

    // A check that passes because of a click is not older than the click, even if the check for the tracker is.
    let other = start(builder()).await;
    let check = async || -> Value {
        let request = reqwest::Client::new().get(format!("{}{readiness}", other.url())).bearer_auth("test_key");
        let ready: Value = request.send().await.unwrap().json().await.unwrap();
        ready["gates"]["tracking"].clone()
    };
    let first = check().await;
    other.advance(std::time::Duration::from_secs(30));
    assert_eq!(check().await["checked_at"], first["checked_at"], "the check for the tracker is kept for a minute");
    Visitor::server(&other).click("abc123", None).await;
    let passed = check().await;
    assert_eq!((&passed["status"], &passed["detail"]), (&json!("pass"), &json!("receiving_events")));
    let listed = reqwest::get(format!("{}/api/tracking/events/42", other.url())).await.unwrap();
    let clicked = listed.json::<Value>().await.unwrap()["data"][0]["timestamp"].clone();
    assert!(passed["checked_at"].as_str() >= clicked.as_str(), "{passed} {clicked}");

    // The other program has checks of its own.
    assert_eq!(get(&format!("{readiness}?force_recheck=true"), "other_key").await.0, 200);
    assert_eq!(reqwest::get(format!("{}/js/affitor-tracker.js", sandbox.url())).await.unwrap().status(), 200);
    let (_, forced) = get(&format!("{readiness}?force_recheck=true"), "test_key").await;
    assert_eq!(forced["gates"]["tracking"]["detail"], "tracker_installed");

    for _ in 0..10 {
        let (status, chain) = server.post("/api/v1/cli/test-event", r#"{"type":"chain"}"#).await;
        assert_eq!((status, &chain["data"]["attributed"]), (200, &json!(true)));
    }
    let (status, refused) = server.post("/api/v1/cli/test-event", r#"{"type":"chain"}"#).await;
    assert_eq!((status, &refused["error"]["code"]), (429, &json!("rate_limited")));
    assert!((3_590..=3_600).contains(&refused["error"]["retry_after_seconds"].as_u64().unwrap()), "{refused}");
    sandbox.advance(std::time::Duration::from_secs(3_601));
    assert_eq!(server.post("/api/v1/cli/test-event", r#"{"type":"chain"}"#).await.0, 200);
    assert_eq!(server.post("/api/v1/cli/test-event", "{}").await.0, 400);
    let (_, single) = server.post("/api/v1/cli/test-event", r#"{"event_type":"sale"}"#).await;
    assert_eq!((&single["attributed"], &single["received"]), (&json!(false), &json!(true)));

    let (_, after) = get(readiness, "test_key").await;
    assert_eq!((&after["state"], &after["blocker"]), (&json!("integration_verified"), &json!(null)));
    assert_eq!(after["gates"]["live"]["test_chain"]["sale"], "attributed");
    server.bought("user_7", "t_1").await;
    let (_, live) = get(readiness, "test_key").await;
    assert_eq!(
        (&live["state"], &live["counts_24h"]),
        (&json!("live_verified"), &json!({ "clicks": 1, "leads": 1, "sales": 1 }))
    );

    let (_, status) = get("/api/v1/cli/status?program_id=42", "test_key").await;
    assert_eq!((&status["program_id"], &status["recent_events"]["sales_24h"]), (&json!("42"), &json!(1)));
    assert_eq!(get("/api/v1/cli/status", "test_key").await.0, 400);
    assert_eq!(get("/api/v1/cli/status?program_id=7", "test_key").await.0, 404);
    let (_, dashboard) = get("/api/tracking/status/42", "").await;
    let steps = json!({ "pageview": "complete", "referrals": "complete", "payments": "pending" });
    assert_eq!(dashboard["data"]["stepStatuses"], steps, "the rows of a chain are test events");
    let (_, performance) = get("/api/tracking/performance/42?period=7d", "").await;
    assert_eq!(performance["data"].as_array().unwrap().len(), 8);
    assert_eq!(performance["metrics"]["totalRevenue"], 100);
    assert_eq!(performance["metrics"]["totalPartnersCommission"], 20);

    let browser = Visitor::browser(&sandbox);
    assert_eq!(browser.post("/api/tracking/check-test-events", "{}").await.0, 400);
    let (_, found) = browser.post("/api/tracking/check-test-events", r#"{"program_id":42,"step_id":"pageview"}"#).await;
    assert_eq!(found["data"]["hasTestEvents"], true);
    assert_eq!(browser.post("/api/tracking/test", r#"{"program_id":"42"}"#).await.0, 200);
    let (_, found) = browser.post("/api/tracking/check-test-events", r#"{"program_id":42,"step_id":"pageview"}"#).await;
    assert_eq!((&found["data"]["eventCount"], &found["data"]["stepId"]), (&json!(12), &json!("pageview")));

    let poor = start(builder().without_commission().profile_complete(false).payout(Payout::Missing)).await;
    let (_, chain) = Visitor::server(&poor).post("/api/v1/cli/test-event", r#"{"type":"chain"}"#).await;
    assert_eq!(
        (&chain["data"]["attributed"], &chain["data"]["verdict"]["sale"]),
        (&json!(false), &json!("unattributed"))
    );
    let response =
        reqwest::Client::new().get(format!("{}{readiness}", poor.url())).bearer_auth("test_key").send().await;
    let draft: Value = response.unwrap().json().await.unwrap();
    assert_eq!((&draft["state"], &draft["gates"]["live"]["status"]), (&json!("draft"), &json!("fail")));
}
