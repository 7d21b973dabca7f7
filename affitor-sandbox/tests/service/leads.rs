//! Leads from browsers and servers, provisional leads, and test mode.

use crate::support::{Visitor, builder, sale, start};
use affitor_sandbox::{CustomerStatus, LeadAuth};
use serde_json::json;

#[tokio::test]
async fn leads_from_browser_and_server() {
    let sandbox = start(builder().lead_auth(LeadAuth::ServerRequired)).await;
    let (browser, server) = (Visitor::browser(&sandbox), Visitor::server(&sandbox));
    let click_id = browser.click("PARTNER123", None).await;
    let lead = json!({
        "click_id": click_id, "customer_key": "user_7", "email": " Jo@Example.com ",
        "click_ids": ["cust_9_9", click_id], "has_attribution": true, "debug_mode": null, "page_url": null,
    });
    let (status, response) = browser.track("lead", lead.clone()).await;
    assert_eq!((status, &response["provisional"]), (200, &json!(true)));
    assert!(sandbox.leads()[0].provisional);
    assert_eq!(sandbox.customers()[0].status, CustomerStatus::Click);

    assert_eq!(server.track("lead", lead.clone()).await.1["message"], "Lead tracked successfully");
    let leads = sandbox.leads();
    assert_eq!((leads.len(), leads[0].provisional), (1, false));
    // printf 'jo@example.com' | sha256sum
    let hash = "f4e19df2e6c609fbd59a42b9063d0fadf44260218531ea21ad8c575f205c0453";
    assert_eq!(leads[0].email_sha256.as_deref(), Some(hash));
    assert!(!format!("{leads:?}").to_lowercase().contains("jo@"));

    assert_eq!(browser.track("lead", lead.clone()).await.0, 200, "a browser and a server may both report a lead");
    assert_eq!(
        server.track("lead", lead.clone()).await,
        (400, json!({ "error": "Customer status cannot be updated to lead. Current status: lead" }))
    );
}

/// A visitor who sends a provisional lead with another user's customer key is not credited.
#[tokio::test]
async fn a_provisional_lead_does_not_claim_a_customer_key() {
    let sandbox = start(builder().lead_auth(LeadAuth::ServerRequired)).await;
    let (browser, server) = (Visitor::browser(&sandbox), Visitor::server(&sandbox));
    let theirs = browser.click("abc123", None).await;
    let ours = browser.click("PARTNER123", None).await;
    assert_eq!(browser.track("lead", json!({ "click_id": theirs, "customer_key": "user_7" })).await.0, 200);
    assert_eq!(server.track("lead", json!({ "click_id": ours, "customer_key": "user_7" })).await.0, 200);
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 200);
    assert_eq!(sandbox.sales()[0].partner_code, "PARTNER123");
    assert_eq!(sandbox.leads().len(), 1);
}

/// A server that only sends the customer key settles the browser's provisional lead.
#[tokio::test]
async fn a_provisional_lead_is_settled_by_its_customer_key() {
    let sandbox = start(builder().lead_auth(LeadAuth::ServerRequired)).await;
    let (browser, server) = (Visitor::browser(&sandbox), Visitor::server(&sandbox));
    let click_id = browser.click("abc123", None).await;
    for _ in 0..3 {
        let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
        assert_eq!(browser.track("lead", lead).await.1["provisional"], true);
    }
    assert_eq!(sandbox.leads().len(), 1, "repeated provisional leads count once");
    assert_eq!(server.track("lead", json!({ "customer_key": "user_7" })).await.0, 200);
    let leads = sandbox.leads();
    assert_eq!((leads.len(), leads[0].provisional, sandbox.customers().len()), (1, false, 1));
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 200);

    // Of two customers under one key nobody can say which is right.
    for _ in 0..2 {
        let click_id = browser.click("abc123", None).await;
        browser.track("lead", json!({ "click_id": click_id, "customer_key": "user_8" })).await;
    }
    assert_eq!(server.track("lead", json!({ "customer_key": "user_8" })).await.0, 400);
}

/// A browser's lead belongs to the program of its click, or else to the program that the page sends.
#[tokio::test]
async fn program_of_a_browser_lead() {
    let sandbox = start(builder()).await;
    let (browser, server) = (Visitor::browser(&sandbox), Visitor::server(&sandbox));
    server.bought("user_7", "t_1").await;
    let click_id = browser.click("other", None).await;
    assert_eq!(browser.track("lead", json!({ "click_id": click_id, "customer_key": "user_7" })).await.0, 200);
    let again = json!({ "customer_key": "user_7", "program_id": "7" });
    assert!(browser.track("lead", again).await.1["error"].as_str().unwrap().contains("Current status: lead"));
    assert_eq!(sandbox.leads()[1].program_id, 7);
}

#[tokio::test]
async fn test_events_are_recorded_separately() {
    let sandbox = start(builder()).await;
    let (browser, server) = (Visitor::browser(&sandbox), Visitor::server(&sandbox));
    for (visitor, call, program_id, expected) in [
        (&browser, "click", json!("42"), json!(42)),
        (&browser, "click", json!(null), json!(null)),
        (&browser, "lead", json!(42), json!(42)),
        (&server, "lead", json!(null), json!(42)),
        (&server, "sale", json!(null), json!(42)),
    ] {
        let body = json!({ "additional_data": { "test_mode": true, "program_id": program_id } });
        let (status, response) = visitor.track(call, body).await;
        assert_eq!(status, 200);
        assert_eq!(response["message"], format!("Test {call} event tracked successfully"));
        assert_eq!(response["data"]["programId"], expected, "{call}");
        assert_eq!(response["data"]["test_mode"], true);
    }
    let events = sandbox.test_events();
    assert_eq!(events.len(), 5);
    assert_eq!(events[4].amount_cents, Some(9_999));
    assert!(events[4].transaction_id.as_deref().unwrap().starts_with("test_txn_"));
    assert!(sandbox.clicks().is_empty() && sandbox.leads().is_empty() && sandbox.sales().is_empty());
    // Only `true` is test mode.
    let body = json!({ "additional_data": { "test_mode": "true" } });
    assert_eq!(server.track("sale", body).await.0, 400);
}
