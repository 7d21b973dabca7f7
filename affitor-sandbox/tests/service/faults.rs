//! Injected faults: what the client observes, what is recorded, and what the request log contains.

use std::{error::Error as _, io, time::Duration};

use crate::support::{Visitor, builder, sale, start};
use affitor_sandbox::{ApiCall, Fault, FaultRule, RequestRecord, Sandbox};
use serde_json::{Value, json};

/// What a client observes of a request.
#[derive(Debug, PartialEq)]
enum Observed {
    Status(u16),
    Reset,
    Truncated,
    TimedOut,
}

async fn send(sandbox: &Sandbox, path: &str, body: &Value) -> Observed {
    let request = reqwest::Client::new()
        .post(format!("{}{path}", sandbox.url()))
        .bearer_auth(sandbox.api_key())
        .timeout(Duration::from_millis(500))
        .json(body);
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_timeout() => return Observed::TimedOut,
        Err(error) => {
            let mut cause = error.source();
            while let Some(inner) = cause {
                if inner.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::ConnectionReset) {
                    return Observed::Reset;
                }
                cause = inner.source();
            }
            panic!("{error:?}");
        }
    };
    let status = response.status().as_u16();
    if response.bytes().await.is_ok() { Observed::Status(status) } else { Observed::Truncated }
}

#[tokio::test]
async fn each_fault_behaves_as_documented() {
    for (fault, observed, recorded) in [
        (Fault::Latency(Duration::from_millis(50)), Observed::Status(200), true),
        (Fault::Latency(Duration::from_secs(60)), Observed::TimedOut, true),
        (Fault::ErrorBeforeWrite, Observed::Status(500), false),
        (Fault::ErrorAfterWrite, Observed::Status(500), true),
        (Fault::RateLimited(Duration::from_secs(7)), Observed::Status(429), false),
        (Fault::ResetBeforeWrite, Observed::Reset, false),
        (Fault::ResetAfterWrite, Observed::Reset, true),
        (Fault::TruncatedResponse, Observed::Truncated, true),
        (Fault::BadGateway, Observed::Status(502), false),
        (Fault::Stall, Observed::TimedOut, false),
    ] {
        let sandbox = start(builder()).await;
        Visitor::server(&sandbox).bought("user_7", "t_1").await;
        sandbox.inject(fault.times(1).on(ApiCall::Sale));
        assert_eq!(send(&sandbox, "/api/v1/track/sale", &sale("t_2", "user_7")).await, observed, "{fault}");
        assert_eq!(sandbox.sales().len() == 2, recorded, "{fault}");
        let request = sandbox.requests().pop().unwrap();
        assert_eq!((request.fault, request.changed), (Some(fault), recorded), "{fault}");
        assert_eq!(fault.writes(), recorded, "{fault}");
        assert_eq!(request.transaction_id.as_deref(), Some("t_2"));
        // The rule is used up. A retry of a recorded sale is a duplicate.
        let status = if recorded { 409 } else { 200 };
        assert_eq!(
            send(&sandbox, "/api/v1/track/sale", &sale("t_2", "user_7")).await,
            Observed::Status(status),
            "{fault}"
        );
        assert!(sandbox.faults().is_empty());
    }
}

#[tokio::test]
async fn rules_apply_to_their_call_and_count() {
    let sandbox = start(builder().fault(Fault::ErrorBeforeWrite.times(2).on(ApiCall::Click))).await;
    let click = json!({ "affiliate_url": "https://shop.example/?aff=abc123" });
    assert_eq!(send(&sandbox, "/api/v1/track/lead", &json!({})).await, Observed::Status(400));
    for status in [500, 500, 200] {
        assert_eq!(send(&sandbox, "/api/tracking/click", &click).await, Observed::Status(status));
    }
    sandbox.inject(Fault::BadGateway.always());
    for path in ["/api/v1/track/lead", "/api/v1/track/sale", "/api/tracking/test"] {
        assert_eq!(send(&sandbox, path, &json!({})).await, Observed::Status(502));
    }
    sandbox.clear_faults();
    assert_eq!(send(&sandbox, "/api/v1/track/lead", &json!({})).await, Observed::Status(400));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let run = async |seed| {
        let rule = Fault::ErrorBeforeWrite.with_probability(0.3);
        let sandbox = start(builder().fault(rule).seed(seed)).await;
        let mut ended = Vec::new();
        for _ in 0..60 {
            ended.push(send(&sandbox, "/api/v1/track/lead", &json!({})).await == Observed::Status(500));
        }
        ended
    };
    let first = run(7).await;
    let hits = first.iter().filter(|hit| **hit).count();
    assert!((5..=35).contains(&hits), "{hits} of 60 at 0.3");
    assert_eq!(run(7).await, first);
    assert_ne!(run(8).await, first);
}

/// Lets the test of a client find sales that were recorded without a confirmation.
#[tokio::test]
async fn the_log_shows_unconfirmed_changes() {
    let sandbox = start(builder().fault(Fault::ResetAfterWrite.times(1).on(ApiCall::Sale))).await;
    Visitor::server(&sandbox).click("PARTNER123", None).await;
    let click_id = sandbox.clicks()[0].click_id.clone();
    for id in ["t_1", "t_2"] {
        let body = json!({ "transaction_id": id, "amount_cents": 100, "click_id": click_id });
        let ended = send(&sandbox, "/api/v1/track/sale", &body).await;
        assert_eq!(ended, if id == "t_1" { Observed::Reset } else { Observed::Status(200) });
    }
    let requests = sandbox.requests();
    let unconfirmed = |request: &&RequestRecord| request.changed && !request.is_confirmed();
    let unconfirmed: Vec<_> =
        requests.iter().filter(unconfirmed).map(|request| request.transaction_id.as_deref()).collect();
    assert_eq!(unconfirmed, [Some("t_1")]);
    assert_eq!(requests.iter().map(|request| request.number).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn the_log_keeps_the_newest_requests_and_counts_the_dropped() {
    let sandbox = start(builder().requests_kept(3)).await;
    for _ in 0..5 {
        send(&sandbox, "/api/v1/track/lead", &json!({})).await;
    }
    let numbers: Vec<_> = sandbox.requests().iter().map(|request| request.number).collect();
    assert_eq!((numbers, sandbox.requests_dropped()), (vec![3, 4, 5], 2));
    let none = start(builder().requests_kept(0)).await;
    send(&none, "/api/v1/track/lead", &json!({})).await;
    assert_eq!((none.requests().len(), none.requests_dropped()), (0, 1));
}

#[tokio::test]
async fn stopping_the_sandbox_ends_stalled_requests() {
    let sandbox = start(builder().fault(Fault::Stall.always())).await;
    let url = format!("{}/api/v1/track/lead", sandbox.url());
    let waiting = tokio::spawn(reqwest::Client::new().post(url).send());
    while sandbox.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(sandbox);
    let ended = tokio::time::timeout(Duration::from_secs(5), waiting).await;
    assert!(ended.expect("the request ends").unwrap().is_err());
}

#[test]
fn text_form_of_rules() {
    for text in [
        "latency=250ms:0.1",
        "latency=1000ms",
        "error-before-write:3x",
        "error-after-write@sale",
        "rate-limited=30s@test_event:1x",
        "reset-before-write:0.5",
        "reset-after-write@lead:1x",
        "truncated-response",
        "bad-gateway@refund:1",
        "stall:0",
    ] {
        let rule: FaultRule = text.parse().unwrap();
        assert_eq!(rule.to_string(), text);
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<FaultRule>(&json).unwrap(), rule);
    }
    assert_eq!("latency=2s".parse::<FaultRule>().unwrap().to_string(), "latency=2000ms");
    for (text, why) in [
        ("explode", "\"explode\" is not a fault: expected one of latency, "),
        ("", "\"\" is not a fault"),
        ("stall=3s", "stall takes no duration"),
        ("latency=3", "\"3\" is not a duration: expected 250ms or 2s"),
        ("latency=-3s", "\"-3s\" is not a duration"),
        ("latency=7200s", "\"7200s\" is not a duration"),
        ("stall@everything", "\"everything\" is not a call: expected one of click, lead, "),
        ("stall:1.5", "\"1.5\" is neither a probability from 0 to 1 nor a count"),
        ("stall:-1x", "\"-1x\" is neither"),
        ("stall:nan", "\"nan\" is neither"),
    ] {
        let error = text.parse::<FaultRule>().unwrap_err();
        assert!(error.starts_with(why), "{text}: {error}");
    }
}

/// According to the service's documents, a sale may be recorded without its commission when the response is a 500.
#[tokio::test]
async fn a_lost_commission() {
    let sandbox = start(builder().fault(Fault::CommissionLost.times(1).on(ApiCall::Sale))).await;
    let server = Visitor::server(&sandbox);
    server.lead("user_7").await;
    let (status, response) = server.track("sale", sale("t_1", "user_7")).await;
    assert_eq!((status, &response["error"]), (500, &json!("Failed to create commission")));
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 409);
    assert_eq!((sandbox.sales()[0].commission_id, sandbox.commissions().len()), (None, 0));
    let refund = server.track("refund", json!({ "transaction_id": "t_1" })).await;
    assert_eq!(refund.1["status"], "no_commission");
}

#[test]
fn all_faults_have_a_text_form() {
    for fault in Fault::ALL {
        let text = fault.to_string();
        assert_eq!(text.parse(), Ok(*fault), "{text}");
        assert_eq!(text.split('=').next(), fault.syntax().split('=').next(), "{text}");
        assert_eq!(text.contains('='), fault.syntax().ends_with("=TIME"), "{text}");
    }
}
