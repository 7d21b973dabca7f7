//! What goes wrong on demand, what is left of it, and what the log of requests says.

mod support;

use std::{error::Error as _, io, time::Duration};

use affitor_sandbox::{ApiCall, Fault, FaultRule, RequestRecord, Sandbox};
use serde_json::{Value, json};
use support::{Visitor, builder, sale, start};

/// How a request ended for who sent it.
#[derive(Debug, PartialEq)]
enum Ended {
    With(u16),
    Reset,
    Cut,
    TimedOut,
}

async fn send(sandbox: &Sandbox, path: &str, body: &Value) -> Ended {
    let request = reqwest::Client::new()
        .post(format!("{}{path}", sandbox.url()))
        .bearer_auth(sandbox.api_key())
        .timeout(Duration::from_millis(500))
        .json(body);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_timeout() => return Ended::TimedOut,
        Err(error) => {
            let mut cause = error.source();
            while let Some(inner) = cause {
                if inner.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::ConnectionReset) {
                    return Ended::Reset;
                }
                cause = inner.source();
            }
            panic!("{error:?}");
        }
    };
    let status = answer.status().as_u16();
    if answer.bytes().await.is_ok() { Ended::With(status) } else { Ended::Cut }
}

#[tokio::test]
async fn each_fault_is_what_it_says() {
    for (fault, ended, recorded) in [
        (Fault::Latency(Duration::from_millis(50)), Ended::With(200), true),
        (Fault::Latency(Duration::from_secs(60)), Ended::TimedOut, true),
        (Fault::ErrorBeforeWrite, Ended::With(500), false),
        (Fault::ErrorAfterWrite, Ended::With(500), true),
        (Fault::RateLimited(Duration::from_secs(7)), Ended::With(429), false),
        (Fault::ResetBeforeWrite, Ended::Reset, false),
        (Fault::ResetAfterWrite, Ended::Reset, true),
        (Fault::CutAnswer, Ended::Cut, true),
        (Fault::BadGateway, Ended::With(502), false),
        (Fault::Stall, Ended::TimedOut, false),
    ] {
        let sandbox = start(builder()).await;
        Visitor::server(&sandbox).bought("user_7", "t_1").await;
        sandbox.inject(fault.times(1).on(ApiCall::Sale));
        assert_eq!(send(&sandbox, "/api/v1/track/sale", &sale("t_2", "user_7")).await, ended, "{fault}");
        assert_eq!(sandbox.sales().len() == 2, recorded, "{fault}");
        let request = sandbox.requests().pop().unwrap();
        assert_eq!((request.fault, request.changed), (Some(fault), recorded), "{fault}");
        assert_eq!(fault.writes(), recorded, "{fault}");
        assert_eq!(request.transaction_id.as_deref(), Some("t_2"));
        // The next one meets nothing: it is told of the sale that it did not hear of.
        let again = if recorded { 409 } else { 200 };
        assert_eq!(send(&sandbox, "/api/v1/track/sale", &sale("t_2", "user_7")).await, Ended::With(again), "{fault}");
        assert!(sandbox.faults().is_empty());
    }
}

#[tokio::test]
async fn only_the_named_call_and_only_so_often() {
    let sandbox = start(builder().fault(Fault::ErrorBeforeWrite.times(2).on(ApiCall::Click))).await;
    let click = json!({ "affiliate_url": "https://shop.example/?aff=abc123" });
    assert_eq!(send(&sandbox, "/api/v1/track/lead", &json!({})).await, Ended::With(400));
    for status in [500, 500, 200] {
        assert_eq!(send(&sandbox, "/api/tracking/click", &click).await, Ended::With(status));
    }
    sandbox.inject(Fault::BadGateway.always());
    for path in ["/api/v1/track/lead", "/api/v1/track/sale", "/api/tracking/test"] {
        assert_eq!(send(&sandbox, path, &json!({})).await, Ended::With(502));
    }
    sandbox.clear_faults();
    assert_eq!(send(&sandbox, "/api/v1/track/lead", &json!({})).await, Ended::With(400));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let run = async |seed| {
        let rule = Fault::ErrorBeforeWrite.with_probability(0.3);
        let sandbox = start(builder().fault(rule).seed(seed)).await;
        let mut ended = Vec::new();
        for _ in 0..60 {
            ended.push(send(&sandbox, "/api/v1/track/lead", &json!({})).await == Ended::With(500));
        }
        ended
    };
    let first = run(7).await;
    let hits = first.iter().filter(|hit| **hit).count();
    assert!((5..=35).contains(&hits), "{hits} of 60 at 0.3");
    assert_eq!(run(7).await, first);
    assert_ne!(run(8).await, first);
}

/// What a test of a client asks: was any sale lost, and was any counted twice?
#[tokio::test]
async fn the_log_says_what_was_lost_and_what_was_doubled() {
    let sandbox = start(builder().fault(Fault::ResetAfterWrite.times(1).on(ApiCall::Sale))).await;
    Visitor::server(&sandbox).click("PARTNER123", None).await;
    let click_id = sandbox.clicks()[0].click_id.clone();
    for id in ["t_1", "t_2"] {
        let body = json!({ "transaction_id": id, "amount_cents": 100, "click_id": click_id });
        let ended = send(&sandbox, "/api/v1/track/sale", &body).await;
        assert_eq!(ended, if id == "t_1" { Ended::Reset } else { Ended::With(200) });
    }
    let requests = sandbox.requests();
    let unheard = |request: &&RequestRecord| request.changed && !request.is_confirmed();
    let unheard: Vec<_> = requests.iter().filter(unheard).map(|request| request.transaction_id.as_deref()).collect();
    assert_eq!(unheard, [Some("t_1")]);
    assert_eq!(requests.iter().map(|request| request.number).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn of_many_requests_the_newest_are_kept_and_the_others_counted() {
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
async fn a_stalled_request_ends_with_the_sandbox() {
    let sandbox = start(builder().fault(Fault::Stall.always())).await;
    let url = format!("{}/api/v1/track/lead", sandbox.url());
    let waiting = tokio::spawn(reqwest::Client::new().post(url).send());
    while sandbox.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(sandbox);
    let ended = tokio::time::timeout(Duration::from_secs(5), waiting).await;
    assert!(ended.expect("it ends").unwrap().is_err());
}

#[test]
fn rules_as_text() {
    for text in [
        "latency=250ms:0.1",
        "latency=1000ms",
        "error-before-write:3x",
        "error-after-write@sale",
        "rate-limited=30s@test_event:1x",
        "reset-before-write:0.5",
        "reset-after-write@lead:1x",
        "cut-answer",
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
        ("explode", "\"explode\" is no fault: one of latency, "),
        ("", "\"\" is no fault"),
        ("stall=3s", "stall takes no time"),
        ("latency=3", "\"3\" is no time: 250ms or 2s"),
        ("latency=-3s", "\"-3s\" is no time"),
        ("latency=7200s", "\"7200s\" is no time"),
        ("stall@everything", "\"everything\" is no call: one of click, lead, "),
        ("stall:1.5", "\"1.5\" is neither a probability from 0 to 1 nor a count"),
        ("stall:-1x", "\"-1x\" is neither"),
        ("stall:nan", "\"nan\" is neither"),
    ] {
        let error = text.parse::<FaultRule>().unwrap_err();
        assert!(error.starts_with(why), "{text}: {error}");
    }
}

/// The documents say of a 500 that the sale may be there without its commission, and its id used up.
#[tokio::test]
async fn a_lost_commission() {
    let sandbox = start(builder().fault(Fault::CommissionLost.times(1).on(ApiCall::Sale))).await;
    let server = Visitor::server(&sandbox);
    server.lead("user_7").await;
    let (status, answer) = server.track("sale", sale("t_1", "user_7")).await;
    assert_eq!((status, &answer["error"]), (500, &json!("Failed to create commission")));
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 409);
    assert_eq!((sandbox.sales()[0].commission_id, sandbox.commissions().len()), (None, 0));
    let refund = server.track("refund", json!({ "transaction_id": "t_1" })).await;
    assert_eq!(refund.1["status"], "no_commission");
}
