//! The memory limit: what is kept of each event, what is dropped, and what never is.

use crate::support::{Visitor, builder, sale, start};
use affitor_sandbox::{CustomerStatus, Interpretations, LeadAuth, Sandbox, UnknownLead};
use serde_json::{Value, json};

const MIB: usize = 1024 * 1024;

fn landing(code: &str) -> String {
    format!("https://shop.example/?aff={code}")
}

/// Clicks as anyone may send them: with long texts, large JSON and nested lists.
#[tokio::test]
async fn large_clicks_without_a_key() {
    let sandbox = start(builder()).await;
    let browser = Visitor::browser(&sandbox);
    let nested = format!("{{\"a\":[{}[]]}}", "[],".repeat(200_000));
    for (name, body) in [
        (
            "a long URL",
            json!({ "affiliate_url": format!("{}&q={}", landing("abc123"), "x".repeat(900_000)) }).to_string(),
        ),
        ("a long title", json!({ "affiliate_url": landing("abc123"), "page_title": "é".repeat(400_000) }).to_string()),
        (
            "a large object",
            json!({ "affiliate_url": landing("abc123"), "additional_data": { "x": "y".repeat(900_000) } }).to_string(),
        ),
        ("nested lists", format!("{{\"affiliate_url\":\"{}\",\"additional_data\":{nested}}}", landing("abc123"))),
    ] {
        let before = sandbox.memory().used_bytes;
        for _ in 0..20 {
            let (status, response) = browser.post("/api/v1/track/click", body.clone()).await;
            assert_eq!((status, &response["success"]), (200, &json!(true)), "{name}: {response}");
        }
        let each = (sandbox.memory().used_bytes - before) / 20;
        assert!(each < 8 * 1024, "{name}: {each} bytes are kept of each click");
    }
    let clicks = sandbox.clicks();
    assert_eq!(clicks[0].affiliate_url.len(), 2048);
    assert!(clicks[0].affiliate_url.starts_with(&landing("abc123")));
    assert!(clicks[20].page_title.as_ref().unwrap().len() <= 2048);
    assert!(clicks[40].additional_data.is_none() && clicks[60].additional_data.is_none());
    let hint = sandbox.requests()[40].hint.clone().unwrap();
    assert!(hint.contains("additional_data is not kept"), "{hint}");

    // An id is never cut, because it would be another id.
    let long = "x".repeat(513);
    for body in [json!({ "customer_key": long }), json!({ "customer_key": "a", "click_ids": [long] })] {
        assert_eq!(browser.track("lead", body).await.0, 400);
    }
    let server = Visitor::server(&sandbox);
    assert_eq!(server.track("sale", sale(&long, "user_7")).await.0, 400);
    assert_eq!(server.track("refund", json!({ "transaction_id": long })).await.0, 400);
}

/// Objects take far more memory than their text.
#[tokio::test]
async fn nested_objects_are_counted_with_their_overhead() {
    let sandbox = start(builder()).await;
    let before = sandbox.memory().used_bytes;
    let nested = (0..20).fold(json!({}), |inner, _| json!({ "a": inner }));
    let click = json!({ "affiliate_url": landing("abc123"), "additional_data": nested });
    assert_eq!(Visitor::browser(&sandbox).track("click", click).await.0, 200);
    assert!(sandbox.clicks()[0].additional_data.is_some());
    assert!(sandbox.memory().used_bytes - before > 20 * 600, "{:?}", sandbox.memory());
}

async fn fill(sandbox: &Sandbox, clicks: usize) {
    let http = reqwest::Client::new();
    let url = format!("{}/api/v1/track/click", sandbox.url());
    let body =
        json!({ "affiliate_url": landing("abc123"), "page_title": "x".repeat(1_000), "additional_data": { "n": 1 } });
    for _ in 0..clicks {
        let response = http.post(&url).body(body.to_string()).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test]
async fn a_flood_of_clicks_drops_bodies_and_old_clicks_but_no_customer() {
    let sandbox = start(builder().memory_limit(MIB)).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_1").await;
    server.lead("user_8").await;
    let refund = json!({ "transaction_id": "t_1", "refund_amount_cents": 2_500, "refund_reason": "late" });
    assert_eq!(server.track("refund", refund).await.0, 200);
    let (sales, commissions) = (sandbox.sales(), sandbox.commissions());
    let dropped = server.click("abc123", None).await;
    fill(&sandbox, 2_499).await;

    let memory = sandbox.memory();
    assert!(memory.used_bytes <= MIB && memory.limit_bytes == MIB, "{memory:?}");
    assert!(memory.dropped_bodies > 1_000 && memory.dropped_clicks > 500, "{memory:?}");
    let kept = sandbox.clicks();
    assert_eq!(kept.len() as u64 + memory.dropped_clicks, 2_502, "every click is kept or counted");
    // What signed-up customers need is there, and so is everything about money.
    assert_eq!(sandbox.sales().len(), sales.len());
    assert_eq!(sandbox.commissions(), commissions);
    assert_eq!(sandbox.refunds().len(), 1);
    let customers = sandbox.customers();
    let of = |key: &str| customers.iter().find(|customer| customer.customer_key.as_deref() == Some(key)).unwrap();
    assert_eq!((of("user_7").status, of("user_8").status), (CustomerStatus::Conversion, CustomerStatus::Lead));
    assert_eq!(of("user_7").click_ids.len(), 1, "the credited click stays");
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 409, "transaction ids are never forgotten");
    assert_eq!(server.track("sale", sale("t_2", "user_8")).await.0, 200);
    assert_eq!(sandbox.sales()[1].partner_code, "PARTNER123");
    assert_eq!(server.track("refund", json!({ "transaction_id": "t_2" })).await.1["status"], "reversed");

    // The totals contain the dropped clicks.
    let performance: Value =
        reqwest::get(format!("{}/api/tracking/performance/42", sandbox.url())).await.unwrap().json().await.unwrap();
    assert_eq!(performance["metrics"]["totalClicks"], 2_502);
    let status = reqwest::Client::new().get(format!("{}/api/v1/cli/status?program_id=42", sandbox.url()));
    let status: Value = status.bearer_auth("test_key").send().await.unwrap().json().await.unwrap();
    assert_eq!(status["recent_events"]["clicks_24h"], 2_502);

    // A sign-up with a dropped click is refused as documented, and a header says why.
    let request = reqwest::Client::new()
        .post(format!("{}/api/v1/track/lead", sandbox.url()))
        .json(&json!({ "click_id": dropped }));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 400);
    let hint = response.headers()["x-affitor-sandbox-hint"].to_str().unwrap();
    assert!(hint.contains(&dropped) && hint.contains("dropped to stay within the memory limit"), "{hint}");
    let page = reqwest::get(sandbox.url()).await.unwrap().text().await.unwrap();
    assert!(page.contains("old clicks were dropped"), "the page says so");
}

#[tokio::test]
async fn when_what_is_never_dropped_reaches_the_limit() {
    let sandbox = start(builder().memory_limit(MIB)).await;
    let server = Visitor::server(&sandbox);
    server.lead("user_7").await;
    let mut recorded = 0;
    let refused = loop {
        let (status, response) = server.track("sale", sale(&format!("t_{recorded}"), "user_7")).await;
        if status != 200 {
            break (status, response);
        }
        recorded += 1;
        assert!(recorded < 10_000, "the limit is never reached");
    };
    assert_eq!(refused, (503, json!({ "error": "The sandbox is full" })));
    assert!(sandbox.memory().used_bytes <= MIB && sandbox.sales().len() == recorded);
    assert!(sandbox.requests().pop().unwrap().hint.unwrap().contains("1 MiB"));
    // Reading, duplicates and test events still work.
    assert_eq!(server.track("sale", sale("t_0", "user_7")).await.0, 409);
    assert_eq!(server.track("click", json!({ "affiliate_url": landing("abc123") })).await.0, 503);
    assert_eq!(server.track("click", json!({ "additional_data": { "test_mode": true } })).await.0, 200);
    assert_eq!(reqwest::get(format!("{}/api/tracking/events/42", sandbox.url())).await.unwrap().status(), 200);
    sandbox.reset().unwrap();
    server.bought("user_7", "t_1").await;
}

/// Clicks of a customer who keeps clicking: only the last one is needed.
#[tokio::test]
async fn one_visitor_who_clicks_again_and_again() {
    let sandbox = start(builder().memory_limit(MIB)).await;
    let server = Visitor::server(&sandbox);
    let mut click_id = server.click("PARTNER123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
    assert_eq!(server.track("lead", lead).await.0, 200);
    for round in 0..3_000 {
        click_id = server.click(["abc123", "PARTNER123"][round % 2], Some(&click_id)).await;
    }
    let memory = sandbox.memory();
    assert!(memory.used_bytes <= MIB && memory.dropped_clicks > 0, "{memory:?}");
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 200);
    assert_eq!(sandbox.sales()[0].click_id, click_id, "the last click is credited");
}

/// Provisional leads and test events need no key either.
#[tokio::test]
async fn provisional_leads() {
    let sandbox = start(builder().lead_auth(LeadAuth::ServerRequired).memory_limit(MIB)).await;
    let browser = Visitor::browser(&sandbox);
    let click_id = browser.click("abc123", None).await;
    for number in 0..1_000 {
        let lead = json!({
            "click_id": click_id, "customer_key": format!("user_{number}"), "page_url": "x".repeat(1_900),
        });
        assert_eq!(browser.track("lead", lead).await.1["provisional"], true);
    }
    let memory = sandbox.memory();
    assert!(memory.used_bytes <= MIB && memory.dropped_provisional_leads > 0, "{memory:?}");
    assert_eq!(sandbox.leads().len() as u64 + memory.dropped_provisional_leads, 1_000);
}

/// Sign-ups of unknown customers without a key. Each creates a customer.
#[tokio::test]
async fn provisional_leads_of_nobody() {
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    let settings = builder().lead_auth(LeadAuth::ServerRequired).interpretations(interpretations);
    let sandbox = start(settings.memory_limit(MIB)).await;
    let browser = Visitor::browser(&sandbox);
    for number in 0..3_000 {
        let lead = json!({ "customer_key": format!("user_{number}") });
        assert_eq!(browser.track("lead", lead).await.1["provisional"], true);
    }
    let memory = sandbox.memory();
    assert!(memory.used_bytes <= MIB && memory.dropped_provisional_leads > 0, "{memory:?}");
    let (customers, leads) = (sandbox.customers(), sandbox.leads());
    assert_eq!(customers.len(), leads.len(), "a customer without a lead is not kept");
    // The newest one is settled by the server.
    assert_eq!(Visitor::server(&sandbox).track("lead", json!({ "customer_key": "user_2999" })).await.0, 200);
    let settled = sandbox.leads().pop().unwrap();
    assert!(
        !settled.provisional && sandbox.customers().iter().any(|customer| customer.customer_id == settled.customer_id)
    );
}

/// With a smaller limit than before, what later changes refer to is kept until they have been applied.
#[tokio::test]
async fn a_data_file_with_a_smaller_limit() {
    let file = std::env::temp_dir().join(format!("affitor-smaller-{}", std::process::id()));
    let settings = |limit: usize| builder().memory_limit(limit).data(&file);
    let sandbox = start(settings(64 * MIB)).await;
    let server = Visitor::server(&sandbox);
    let click_id = server.click("PARTNER123", None).await;
    // This visitor only clicks, and comes back.
    let other = server.click("PARTNER123", None).await;
    fill(&sandbox, 2_500).await;
    server.click("abc123", Some(&other)).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
    assert_eq!(server.track("lead", lead).await.0, 200);
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 200);
    drop(sandbox);
    let sandbox = start(settings(MIB)).await;
    let memory = sandbox.memory();
    assert!(memory.used_bytes <= MIB && memory.dropped_clicks > 0, "{memory:?}");
    assert_eq!(sandbox.sales()[0].click_id, click_id);
    let server = Visitor::server(&sandbox);
    assert_eq!(server.track("sale", sale("t_2", "user_7")).await.0, 200, "the customer's click is still credited");
    std::fs::remove_file(&file).unwrap();
}

/// After a restart, the same is kept as before.
#[tokio::test]
async fn with_a_data_file() {
    let file = std::env::temp_dir().join(format!("affitor-memory-{}", std::process::id()));
    let settings = || builder().memory_limit(MIB).data(&file);
    let sandbox = start(settings()).await;
    Visitor::server(&sandbox).bought("user_7", "t_1").await;
    fill(&sandbox, 1_500).await;
    let before = sandbox.snapshot();
    assert!(before.memory.dropped_clicks > 0);
    drop(sandbox);
    let sandbox = start(settings()).await;
    assert_eq!(sandbox.snapshot(), before);
    std::fs::remove_file(&file).unwrap();
}
