//! Every documented response of every call, over a real socket, and the outcome or error that the client returns.

use std::io::{self, Write as _};

use crate::support::{KEY, Server, http, json};
use affitor::{Client, Currency, Error};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Click,
    Lead,
    Sale,
    FullRefund,
    PartialRefund,
    Readiness,
    Status,
    Chain,
}
use Call::*;

impl Call {
    /// Makes the call and describes its result on one line.
    async fn make(self, client: &Client) -> String {
        let click = || affitor::Click::landing("https://shop.example/?aff=abc123");
        let lead = || affitor::Lead::new("user_7");
        let sale = || affitor::Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7");
        match self {
            Click => describe(client.track_click(click()).await),
            Lead => describe(client.track_lead(lead()).await),
            Sale => describe(client.track_sale(sale()).await),
            FullRefund => describe(client.track_refund(affitor::Refund::full("in_1")).await),
            PartialRefund => describe(client.track_refund(affitor::Refund::partial("in_1", 1_000)).await),
            Readiness => describe(client.readiness().await.map(|ready| {
                let gates = [ready.gates.profile, ready.gates.economics, ready.gates.payout, ready.gates.tracking];
                let gates: Vec<_> = gates.iter().flat_map(|gate| &gate.status).map(ToString::to_string).collect();
                (
                    ready.state,
                    ready.blocker,
                    ready.integration_verified,
                    gates.join(" "),
                    ready.poll.retry_after_seconds,
                )
            })),
            Status => describe(
                client
                    .status()
                    .await
                    .map(|status| (status.program_id.unwrap_or_default(), status.recent_events.clicks_24h)),
            ),
            Chain => describe(client.run_test_chain().await.map(|chain| (chain.attributed, chain.verdict.sale))),
        }
    }
}

fn describe<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) => {
            let kinds = [
                ("invalid", error.is_invalid()),
                ("disabled", error.is_disabled()),
                ("unauthorized", error.is_unauthorized()),
                ("rejected", error.is_rejected()),
                ("rate limited", error.is_rate_limited()),
                ("unavailable", error.is_unavailable()),
                ("timeout", error.is_timeout()),
                ("transport", error.is_transport()),
                ("unexpected", error.is_unexpected()),
            ];
            let kinds: Vec<_> = kinds.into_iter().filter_map(|(name, is)| is.then_some(name)).collect();
            let mut text = format!("{} {}", kinds.join("+"), error.status().unwrap_or(0));
            if let Some(code) = error.code() {
                text += &format!(" [{code}]");
            }
            text += &format!(": {}", error.message().unwrap_or("-"));
            if let Some(wait) = error.retry_after() {
                text += &format!(" after {} s", wait.as_secs());
            }
            if error.is_retryable() {
                text += " retryable";
            }
            if error.may_have_arrived() {
                text += " uncertain";
            }
            text
        }
    }
}

const READY: &str = r#"{"program_id":42,"state":"integration_verified","integration_verified":true,"blocker":null,
    "gates":{"profile":{"status":"pass"},"economics":{"status":"pass"},"payout":{"status":"pass","mode":"stripe"},
    "tracking":{"status":"pass","detail":"receiving_events","checked_at":null},
    "live":{"status":"pass","test_chain":{"click":"attributed","lead":"attributed","sale":"attributed"}}},
    "last_event_at":{"click":null,"lead":null,"sale":null},"counts_24h":{"clicks":0,"leads":0,"sales":0},
    "key_rotated_at":null,"poll":{"retry_after_seconds":7}}"#;

/// Call, status and body of the response, and the expected result.
#[rustfmt::skip]
const ROWS: &[(Call, u16, &str, &str)] = &[
    // click
    (Click, 200, r#"{"success":true,"click_id":"cust_42_1714000000000","partner_code":"abc123","cookie_window_days":90}"#,
        r#"Recorded { click_id: ClickId("cust_42_1714000000000"), partner_code: Some("abc123"), cookie_window_days: Some(90) }"#),
    (Click, 200, r#"{"success":true,"click_id":"cust_1_2"}"#,
        r#"Recorded { click_id: ClickId("cust_1_2"), partner_code: None, cookie_window_days: None }"#),
    (Click, 200, r#"{"success":true,"click_id":"cust_1_2","cookie_window_days":100000}"#,
        r#"Recorded { click_id: ClickId("cust_1_2"), partner_code: None, cookie_window_days: None }"#),
    (Click, 200, r#"{"success":true,"click_id":"a b"}"#, "unexpected 200: the response has a malformed click_id uncertain"),
    (Click, 200, r#"{"success":true}"#, "unexpected 200: the response has no click_id uncertain"),
    (Click, 200, r#"{"success":false,"message":"Referral link is inactive"}"#, "InactiveLink"),
    (Click, 200, r#"{"success":false,"message":"Something else"}"#, "rejected 200: Something else"),
    (Click, 200, r#"{"success":true,"message":"Test click event tracked successfully","data":{"eventId":456,"programId":1,"test_mode":true}}"#,
        "Test { event_id: Some(456) }"),
    (Click, 400, r#"{"error":"affiliate_url is required"}"#, "rejected 400: affiliate_url is required"),
    (Click, 400, r#"{"error":"Invalid affiliate_url"}"#, "rejected 400: Invalid affiliate_url"),
    (Click, 400, r#"{"error":"No aff parameter found in affiliate_url"}"#, "rejected 400: No aff parameter found in affiliate_url"),
    (Click, 400, r#"{"error":"Referral link not found"}"#, "rejected 400: Referral link not found"),
    (Click, 400, r#"{"error":"Invalid referral link configuration"}"#, "rejected 400: Invalid referral link configuration"),
    (Click, 500, r#"{"error":"Click tracking failed"}"#, "unavailable 500: Click tracking failed uncertain"),
    // lead
    (Lead, 200, r#"{"success":true,"message":"Lead tracked successfully"}"#, "Recorded"),
    (Lead, 200, r#"{"success":true,"provisional":true,"message":"Lead recorded as provisional."}"#, "Recorded"),
    (Lead, 200, r#"{"success":true,"message":"Test lead event tracked successfully","data":{"eventId":456,"programId":1,"test_mode":true}}"#,
        "Test { event_id: Some(456) }"),
    (Lead, 200, r#"{"success":true,"message":"Test lead event tracked successfully","data":{"eventId":7,"programId":null,"test_mode":true}}"#,
        "Test { event_id: Some(7) }"),
    (Lead, 400, r#"{"error":"click_id or customer_key is required"}"#, "rejected 400: click_id or customer_key is required"),
    (Lead, 400, r#"{"error":"Customer not found. Provide a valid click_id or customer_key."}"#, "NotAttributed(CustomerNotFound)"),
    (Lead, 400, r#"{"error":"Customer does not belong to this program"}"#, "rejected 400: Customer does not belong to this program"),
    (Lead, 400, r#"{"error":"Customer status cannot be updated to lead. Current status: conversion"}"#, "AlreadyRecorded"),
    (Lead, 401, r#"{"error":"Invalid API token"}"#, "unauthorized 401: Invalid API token"),
    (Lead, 500, r#"{"error":"Lead tracking failed"}"#, "unavailable 500: Lead tracking failed retryable uncertain"),
    // sale
    (Sale, 200, r#"{"success":true,"sale_id":123,"commission_id":456,"message":"Sale tracked successfully"}"#,
        "Recorded { sale_id: Some(123), commission_id: Some(456) }"),
    (Sale, 200, r#"{"success":true,"attributed":false,"reason":"attribution_window_expired","click_age_days":75,"window_days":60,"sale_id":null,"commission_id":null}"#,
        "NotAttributed(WindowExpired { click_age_days: Some(75), window_days: Some(60) })"),
    (Sale, 200, r#"{"success":true,"sale_id":43,"commission_id":null,"message":"Sale tracked — attribution window expired, no commission created"}"#,
        "RecordedWithoutCommission { sale_id: Some(43) }"),
    (Sale, 200, r#"{"success":true,"message":"Test sale event tracked successfully","data":{"eventId":9,"programId":1,"test_mode":true}}"#,
        "Test { event_id: Some(9) }"),
    (Sale, 200, r#"{"success":false,"message":"Not today"}"#, "rejected 200: Not today"),
    (Sale, 409, r#"{"error":"Duplicate transaction_id. This sale has already been recorded."}"#, "AlreadyRecorded { uncertain: false }"),
    (Sale, 409, r#"{"error":"Conflict","message":"transaction_id already recorded","statusCode":409}"#, "AlreadyRecorded { uncertain: false }"),
    (Sale, 400, r#"{"error":"transaction_id is required and must be a string"}"#, "rejected 400: transaction_id is required and must be a string"),
    (Sale, 400, r#"{"error":"amount_cents is required and must be a positive integer"}"#, "rejected 400: amount_cents is required and must be a positive integer"),
    (Sale, 400, r#"{"error":"Customer not found. Provide customer_key or click_id."}"#, "NotAttributed(CustomerNotFound)"),
    (Sale, 400, r#"{"error":"No affiliate attribution found for this customer in this program"}"#, "NotAttributed(NoPartner)"),
    (Sale, 400, r#"{"error":"No partner-program relationship found for this customer"}"#, "NotAttributed(NoPartner)"),
    (Sale, 400, r#"{"error":"partnerId required to create commission"}"#, "rejected 400: partnerId required to create commission"),
    (Sale, 401, r#"{"error":"Invalid API token"}"#, "unauthorized 401: Invalid API token"),
    (Sale, 403, r#"{"error":"Forbidden"}"#, "unauthorized 403: Forbidden"),
    (Sale, 500, r#"{"error":"Failed to create commission"}"#, "unavailable 500: Failed to create commission retryable uncertain"),
    (Sale, 500, r#"{"error":"Sale tracking failed"}"#, "unavailable 500: Sale tracking failed retryable uncertain"),
    // refund
    (FullRefund, 200, r#"{"success":true,"status":"reversed","deductionAmount":25.00,"commission_id":88}"#,
        "Reversed { deduction_cents: Some(2500), commission_id: Some(88) }"),
    (FullRefund, 200, r#"{"success":true,"commission_id":456}"#, "Reversed { deduction_cents: None, commission_id: Some(456) }"),
    (FullRefund, 200, r#"{"success":true,"status":"skipped","reason":"already reversed"}"#, "AlreadyReversed { partial: false }"),
    (FullRefund, 200, r#"{"success":true,"status":"no_commission","message":"Sale has no commission to reverse"}"#, "NoCommission"),
    (PartialRefund, 200, r#"{"success":true,"status":"refunded","deductionAmount":19.99,"commission_id":88}"#,
        "Refunded { deduction_cents: Some(1999), commission_id: Some(88) }"),
    (PartialRefund, 200, r#"{"success":true,"status":"reversed","deductionAmount":25,"commission_id":88}"#,
        "Reversed { deduction_cents: Some(2500), commission_id: Some(88) }"),
    (PartialRefund, 200, r#"{"success":true,"commission_id":456}"#, "Refunded { deduction_cents: None, commission_id: Some(456) }"),
    (PartialRefund, 200, r#"{"success":true,"status":"skipped","reason":"already reversed"}"#, "AlreadyReversed { partial: true }"),
    (FullRefund, 200, r#"{"success":true,"status":"refunded","deductionAmount":0.5,"commission_id":88}"#,
        "Refunded { deduction_cents: Some(50), commission_id: Some(88) }"),
    (FullRefund, 400, r#"{"error":"transaction_id is required"}"#, "rejected 400: transaction_id is required"),
    (FullRefund, 401, r#"{"error":"Invalid API token"}"#, "unauthorized 401: Invalid API token"),
    (FullRefund, 404, r#"{"error":"Sale not found for transaction_id"}"#, "NotAttributed(SaleNotFound)"),
    (FullRefund, 404, r#"{"data":null,"error":{"status":404,"name":"NotFoundError","message":"Not Found","details":{}}}"#,
        "rejected 404 [NotFoundError]: Not Found"),
    (FullRefund, 500, r#"{"error":"Refund tracking failed"}"#, "unavailable 500: Refund tracking failed retryable uncertain"),
    (PartialRefund, 500, r#"{"error":"Refund tracking failed"}"#, "unavailable 500: Refund tracking failed uncertain"),
    // the chain
    (Chain, 200, r#"{"data":{"type":"chain","short_code":"afftest42","customer_key":"aff_test_ck_1","verdict":{"click":"attributed","lead":"attributed","sale":"attributed"},"attributed":true}}"#,
        "(true, Attributed)"),
    (Chain, 200, r#"{"data":{"type":"chain","short_code":"afftest42","customer_key":"aff_test_ck_1","verdict":{"click":"attributed","lead":"wrong_partner","sale":"unattributed"},"attributed":false}}"#,
        "(false, Unattributed)"),
    (Chain, 200, r#"{"data":{"type":"chain","short_code":"","customer_key":"","verdict":{"click":"pending","lead":"pending","sale":"later"},"attributed":false}}"#,
        r#"(false, Other("later"))"#),
    (Chain, 429, r#"{"error":{"status":429,"code":"rate_limited","message":"Too many synthetic chains (max 10/program/hour).","retry_after_seconds":1800}}"#,
        "rate limited 429 [rate_limited]: Too many synthetic chains (max 10/program/hour). after 1800 s retryable"),
    (Chain, 400, r#"{"error":"Invalid event_type"}"#, "rejected 400: Invalid event_type"),
    (Chain, 401, r#"{"error":"Invalid API token"}"#, "unauthorized 401: Invalid API token"),
    (Chain, 500, r#"{"error":"failed"}"#, "unavailable 500: failed uncertain"),
    // readiness
    (Readiness, 200, READY, r#"(IntegrationVerified, None, true, "pass pass pass pass", 7)"#),
    (Readiness, 200, r#"{"program_id":42,"state":"configuring","integration_verified":false,"blocker":"payout","gates":{"payout":{"status":"fail","next_action":"surface_stripe_connect_url"}}}"#,
        r#"(Configuring, Some(Payout), false, "fail", 5)"#),
    (Readiness, 200, r#"{"state":"new_state","blocker":"new_gate"}"#, r#"(Other("new_state"), Some(Other("new_gate")), false, "", 5)"#),
    (Readiness, 200, r#"{"program_id":null,"state":"draft","blocker":null,"gates":null,"counts_24h":null,"last_event_at":null,"poll":null}"#,
        r#"(Draft, None, false, "", 5)"#),
    (Readiness, 401, r#"{"error":{"code":"invalid_key","message":"Invalid API token."}}"#, "unauthorized 401 [invalid_key]: Invalid API token."),
    (Readiness, 500, r#"{"error":{"code":"internal_error","message":"Failed to compute readiness.","retry_after_seconds":10}}"#,
        "unavailable 500 [internal_error]: Failed to compute readiness. after 10 s retryable uncertain"),
    (Readiness, 200, r#"{"ok":true}"#, "unexpected 200: missing field `state`"),
    // status
    (Status, 200, r#"{"program_id":"42","name":"Shop","domain":"shop.example","dns_verified":true,"stripe_connected":false,"recent_events":{"clicks_24h":3,"leads_24h":1,"sales_24h":0},"active_partners":2,"pending_commissions":1}"#,
        r#"("42", 3)"#),
    (Status, 200, r#"{"data":{"program_id":"42","recent_events":{"clicks_24h":4},"pending_commissions":12.5}}"#, r#"("42", 4)"#),
    (Status, 401, r#"{"error":"Invalid API token"}"#, "unauthorized 401: Invalid API token"),
    // proxies, and malformed responses
    (Sale, 502, "<html>Bad Gateway</html>", "unavailable 502: the response is not JSON (24 bytes) retryable uncertain"),
    (Sale, 200, "<html>Hello</html>", "unexpected 200: the response is not JSON (18 bytes) uncertain"),
    (Sale, 200, "", "unexpected 200: the response is empty uncertain"),
    (Sale, 200, "[1]", "unexpected 200: the response is JSON of an unknown shape uncertain"),
    (Sale, 200, "{}", "unexpected 200: the response is JSON of an unknown shape uncertain"),
    (Sale, 200, r#"{"success":"true"}"#, "unexpected 200: the response is JSON of an unknown shape uncertain"),
    (Sale, 200, r#"{"message":"hello"}"#, "unexpected 200: hello uncertain"),
    (Lead, 409, r#"{"error":"Conflict"}"#, "rejected 409: Conflict"),
    (Sale, 409, "<html>Conflict</html>", "unexpected 409: the response is not JSON (21 bytes)"),
    (Sale, 409, "", "unexpected 409: the response is empty"),
    (Sale, 200, r#"{"success":true,"attributed":false,"reason":"no_partner","sale_id":null,"commission_id":null}"#, "NotAttributed(NoPartner)"),
    (Sale, 302, "", "unexpected 302: the response is empty"),
    (Sale, 404, "<html>Not Found</html>", "rejected 404: the response is not JSON (22 bytes)"),
    (Sale, 413, r#"{"error":"too large"}"#, "rejected 413: too large"),
    (Sale, 429, "", "rate limited 429: the response is empty retryable"),
    (Sale, 501, "", "unavailable 501: the response is empty uncertain"),
    (Sale, 500, r#"{"success":true,"sale_id":1,"commission_id":2}"#, "unavailable 500: the response is JSON of an unknown shape retryable uncertain"),
    (Lead, 400, r#"{"error":"Bad Request","message":"nope","statusCode":400}"#, "rejected 400 [Bad Request]: nope"),
    (Sale, 503, r#"{"message":"down for maintenance"}"#, "unavailable 503: down for maintenance retryable uncertain"),
    (Lead, 400, r#"{"error":"bad e-mail jo@example.com for key aff_very_secret"}"#, "rejected 400: bad e-mail [redacted] for key [redacted]"),
];

#[tokio::test]
async fn every_documented_response() {
    let mut wrong = Vec::new();
    for (call, status, body, expected) in ROWS {
        let server = Server::start([json(*status, body)]).await;
        let actual = call.make(&server.client()).await;
        if actual != *expected {
            wrong.push(format!("{call:?} {status} {body}\n    expected {expected}\n    actual   {actual}"));
        }
    }
    // `writeln!`, because the test harness captures `eprintln!`.
    writeln!(io::stderr(), "responses: {} rows", ROWS.len()).unwrap();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), ROWS.len(), wrong.join("\n"));
}

/// The `Retry-After` header may be a number of seconds or a date.
#[tokio::test]
async fn retry_after_header() {
    for (value, expected) in [("30", 30..=30), ("Fri, 31 Dec 2100 23:59:59 GMT", 1_000_000..=u64::MAX)] {
        let server = Server::start([http(429, &format!("retry-after: {value}\r\n"), "")]).await;
        let error = server.client().track_lead(affitor::Lead::new("user_7")).await.unwrap_err();
        assert!(error.is_rate_limited() && error.is_retryable());
        assert!(expected.contains(&error.retry_after().unwrap().as_secs()), "{value}: {error:?}");
    }
}

/// Requests have the documented paths, methods, API key and field names.
#[tokio::test]
async fn requests_are_as_documented() {
    let server = Server::start([json(200, r#"{"success":true,"click_id":"cust_1_2"}"#)]).await;
    let client = server.client();
    for (call, line, with_key, body) in [
        (Click, "POST /api/v1/track/click ", false, r#"{"affiliate_url":"https://shop.example/?aff=abc123"}"#),
        (Lead, "POST /api/v1/track/lead ", true, r#"{"customer_key":"user_7"}"#),
        (
            Sale,
            "POST /api/v1/track/sale ",
            true,
            r#"{"transaction_id":"in_1","amount_cents":4900,"currency":"USD","customer_key":"user_7"}"#,
        ),
        (FullRefund, "POST /api/v1/track/refund ", true, r#"{"transaction_id":"in_1"}"#),
        (PartialRefund, "POST /api/v1/track/refund ", true, r#"{"transaction_id":"in_1","refund_amount_cents":1000}"#),
        (Readiness, "GET /api/v1/programs/me/readiness ", true, ""),
        (Status, "GET /api/v1/cli/status?program_id=42 ", true, ""),
        (Chain, "POST /api/v1/cli/test-event ", true, r#"{"type":"chain"}"#),
    ] {
        call.make(&client).await;
        let request = server.requests().pop().unwrap();
        assert!(request.starts_with(line), "{request}");
        assert_eq!(request.contains(&format!("authorization: Bearer {KEY}\r\n")), with_key, "{request}");
        assert_eq!(request.split_once("\r\n\r\n").unwrap().1, body);
    }
    let _ = client.recheck_readiness().await;
    let request = server.requests().pop().unwrap();
    assert!(request.starts_with("GET /api/v1/programs/me/readiness?force_recheck=true "), "{request}");
}
