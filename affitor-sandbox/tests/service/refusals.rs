//! Refusals of the tracking calls: their order, statuses and messages.

use crate::support::{Visitor, builder, start};
use serde_json::json;

/// Call, body, status and message, in the order of the checks.
#[rustfmt::skip]
const REFUSALS: &[(&str, &str, u16, &str)] = &[
    ("click", "[]", 400, "The body must be a JSON object"),
    ("click", "{", 400, "The body is not valid JSON"),
    ("click", "", 400, "affiliate_url is required"),
    ("click", r#"{"affiliate_url":null}"#, 400, "affiliate_url is required"),
    ("click", r#"{"affiliate_url":""}"#, 400, "affiliate_url is required"),
    ("click", r#"{"affiliate_url":7}"#, 400, "Invalid affiliate_url"),
    ("click", r#"{"affiliate_url":"shop"}"#, 400, "Invalid affiliate_url"),
    ("click", r#"{"affiliate_url":"https://shop.example/"}"#, 400, "No aff parameter found in affiliate_url"),
    ("click", r#"{"affiliate_url":"https://shop.example/?aff="}"#, 400, "No aff parameter found in affiliate_url"),
    ("click", r#"{"affiliate_url":"https://shop.example/?aff=x","page_title":7}"#, 400, "page_title must be a string"),
    ("click", r#"{"affiliate_url":"https://shop.example/?aff=x","additional_data":[]}"#, 400, "additional_data must be an object"),
    ("click", r#"{"affiliate_url":"https://shop.example/?aff=x"}"#, 400, "Referral link not found"),
    ("lead", "{}", 400, "click_id or customer_key is required"),
    ("lead", r#"{"click_id":"","customer_key":null}"#, 400, "click_id or customer_key is required"),
    ("lead", r#"{"click_id":7}"#, 400, "click_id must be a string"),
    ("lead", r#"{"customer_key":"u","click_ids":["a",7]}"#, 400, "click_ids must be an array of strings"),
    ("lead", r#"{"customer_key":"nobody"}"#, 400, "Customer not found. Provide a valid click_id or customer_key."),
    ("lead", r#"{"click_id":"cust_9_9","customer_key":"nobody"}"#, 400, "Customer not found. Provide a valid click_id or customer_key."),
    ("sale", "{}", 400, "transaction_id is required and must be a string"),
    ("sale", r#"{"transaction_id":7}"#, 400, "transaction_id is required and must be a string"),
    ("sale", r#"{"transaction_id":""}"#, 400, "transaction_id is required and must be a string"),
    ("sale", r#"{"transaction_id":"t"}"#, 400, "amount_cents is required and must be a positive integer"),
    ("sale", r#"{"transaction_id":"t","amount_cents":0}"#, 400, "amount_cents is required and must be a positive integer"),
    ("sale", r#"{"transaction_id":"t","amount_cents":-1}"#, 400, "amount_cents is required and must be a positive integer"),
    ("sale", r#"{"transaction_id":"t","amount_cents":1.5}"#, 400, "amount_cents is required and must be a positive integer"),
    ("sale", r#"{"transaction_id":"t","amount_cents":"1"}"#, 400, "amount_cents is required and must be a positive integer"),
    ("sale", r#"{"transaction_id":"t","amount_cents":1,"currency":"dollar"}"#, 400, "currency must be a currency code of three letters"),
    ("sale", r#"{"transaction_id":"t","amount_cents":1,"sale_type":"gift"}"#, 400, "sale_type must be payment or subscription"),
    ("sale", r#"{"transaction_id":"t","amount_cents":1,"is_recurring":"no"}"#, 400, "is_recurring must be a boolean"),
    ("sale", r#"{"transaction_id":"t","amount_cents":1}"#, 400, "Customer not found. Provide customer_key or click_id."),
    ("refund", "{}", 400, "transaction_id is required"),
    ("refund", r#"{"transaction_id":7}"#, 400, "transaction_id is required"),
    ("refund", r#"{"transaction_id":"t","refund_amount_cents":"1"}"#, 400, "refund_amount_cents must be a non-negative integer"),
    ("refund", r#"{"transaction_id":"t","refund_reason":1}"#, 400, "refund_reason must be a string"),
    ("refund", r#"{"transaction_id":"t"}"#, 404, "Sale not found for transaction_id"),
];

#[tokio::test]
async fn refusals_and_their_messages() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    for (call, body, status, message) in REFUSALS {
        for family in ["/api/v1/track", "/api/tracking"] {
            let got = server.post(&format!("{family}/{call}"), *body).await;
            assert_eq!(got, (*status, json!({ "error": message })), "{call} {body}");
        }
    }
    let requests = sandbox.requests();
    assert_eq!(requests.len(), REFUSALS.len() * 2);
    assert_eq!(requests[0].error.as_deref(), Some("The body must be a JSON object"));
    let snapshot = sandbox.snapshot();
    assert!(snapshot.customers.is_empty() && snapshot.leads.is_empty() && snapshot.sales.is_empty());
}

#[tokio::test]
async fn api_keys() {
    let sandbox = start(builder()).await;
    let refused = (401, json!({ "error": "Invalid API token" }));
    for authorization in ["", "test_key", "bearer test_key", "Bearer ", "Bearer wrong", "Basic test_key"] {
        let visitor = Visitor::with(&sandbox, Some(authorization.to_owned()));
        // The key comes first, before the body is looked at.
        for call in ["lead", "sale", "refund"] {
            assert_eq!(visitor.post(&format!("/api/v1/track/{call}"), "{").await, refused, "{call} {authorization:?}");
        }
    }
    let browser = Visitor::browser(&sandbox);
    assert_eq!(browser.track("sale", json!({})).await, refused);
    assert_eq!(browser.track("refund", json!({})).await, refused);
    assert_eq!(browser.track("sale", json!({ "additional_data": { "test_mode": true } })).await, refused);
    assert_eq!(browser.track("lead", json!({})).await.0, 400);
}

#[tokio::test]
async fn body_limit_and_unique_click_ids() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    let (status, response) = server.post("/api/v1/track/lead", " ".repeat(1024 * 1024 + 1)).await;
    assert_eq!((status, response), (413, json!({ "error": "The body is larger than 1 MiB" })));
    let mut ids = std::collections::HashSet::new();
    for _ in 0..300 {
        assert!(
            ids.insert(server.click("PARTNER123", None).await),
            "clicks in the same millisecond have different ids"
        );
    }
}
