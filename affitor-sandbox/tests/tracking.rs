//! What the sandbox answers to each tracking call, and what it holds afterwards, over real sockets.

mod support;

use affitor_sandbox::{
    Commission, CommissionStatus, CustomerStatus, DuplicateSale, ExpiredWindow, LeadAuth, PartnerState, Readings,
    RepeatedLead, Sandbox, SecondRefund, UnknownLead, WindowStart,
};
use serde_json::json;
use support::{Visitor, builder, sale, start};

/// Call, body, and the refusal, in the order in which the sandbox checks.
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
    ("sale", r#"{"transaction_id":"t","amount_cents":1,"currency":"dollar"}"#, 400, "currency must be a currency code of three capital letters"),
    ("sale", r#"{"transaction_id":"t","amount_cents":1,"sale_type":"gift"}"#, 400, "sale_type must be payment or subscription"),
    ("sale", r#"{"transaction_id":"t","amount_cents":1,"is_recurring":"no"}"#, 400, "is_recurring must be a boolean"),
    ("sale", r#"{"transaction_id":"t","amount_cents":1}"#, 400, "Customer not found. Provide customer_key or click_id."),
    ("refund", "{}", 400, "transaction_id is required"),
    ("refund", r#"{"transaction_id":7}"#, 400, "transaction_id is required"),
    ("refund", r#"{"transaction_id":"t","refund_amount_cents":"1"}"#, 400, "refund_amount_cents must be a positive integer"),
    ("refund", r#"{"transaction_id":"t","refund_reason":1}"#, 400, "refund_reason must be a string"),
    ("refund", r#"{"transaction_id":"t"}"#, 404, "Sale not found for transaction_id"),
];

#[tokio::test]
async fn what_is_refused_and_in_which_words() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    for (call, body, status, words) in REFUSALS {
        for family in ["/api/v1/track", "/api/tracking"] {
            let got = server.post(&format!("{family}/{call}"), *body).await;
            assert_eq!(got, (*status, json!({ "error": words })), "{call} {body}");
        }
    }
    let requests = sandbox.requests();
    assert_eq!(requests.len(), REFUSALS.len() * 2);
    assert_eq!(requests[0].error.as_deref(), Some("The body must be a JSON object"));
    let snapshot = sandbox.snapshot();
    assert!(snapshot.customers.is_empty() && snapshot.leads.is_empty() && snapshot.sales.is_empty());
}

#[tokio::test]
async fn keys() {
    let sandbox = start(builder()).await;
    let refused = (401, json!({ "error": "Invalid API token" }));
    for authorization in ["", "test_key", "bearer test_key", "Bearer ", "Bearer wrong", "Basic test_key"] {
        let visitor = Visitor { sandbox: &sandbox, authorization: Some(authorization.to_owned()) };
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
async fn the_last_click_wins() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    let first = server.click("PARTNER123", None).await;
    assert_eq!(server.click("PARTNER123", Some(&first)).await, first, "the same partner makes no new click");
    let lead = json!({ "click_id": first, "customer_key": "user_7" });
    assert_eq!(server.track("lead", lead).await.1["message"], "Lead tracked successfully");
    let second = server.click("abc123", Some(&first)).await;
    assert_ne!(second, first);
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 200);

    let customers = sandbox.customers();
    assert_eq!(customers.len(), 1);
    assert_eq!(customers[0].click_ids, [first, second.clone()]);
    assert_eq!(
        (customers[0].status, customers[0].customer_key.as_deref()),
        (CustomerStatus::Conversion, Some("user_7"))
    );
    let sales = sandbox.sales();
    assert_eq!((sales[0].partner_code.as_str(), &sales[0].click_id), ("abc123", &second));
    let commissions = sandbox.commissions();
    assert_eq!((commissions[0].amount_cents, commissions[0].status), (2_000, CommissionStatus::Earned));
    assert_eq!(commissions[0].held_until_ms - sales[0].at_ms, 15 * 24 * 60 * 60 * 1000);
}

#[tokio::test]
async fn both_windows() {
    let sandbox = start(builder().attribution_window_days(60).cookie_window_days(30)).await;
    let server = Visitor::server(&sandbox);
    let click = json!({ "affiliate_url": "https://shop.example/?aff=abc123" });
    let (_, answer) = server.track("click", click).await;
    assert_eq!((&answer["cookie_window_days"], &answer["partner_code"]), (&json!(30), &json!("abc123")));
    let click_id = answer["click_id"].as_str().unwrap();
    let by_click = |id: &str| json!({ "transaction_id": id, "amount_cents": 100, "click_id": click_id });

    sandbox.advance_days(60);
    assert_eq!(server.track("sale", by_click("t_60")).await.1["message"], "Sale tracked successfully");
    sandbox.advance_days(1);
    let expected = json!({
        "success": true, "attributed": false, "reason": "attribution_window_expired",
        "click_age_days": 61, "window_days": 60, "sale_id": null, "commission_id": null,
    });
    assert_eq!(server.track("sale", by_click("t_61")).await, (200, expected));
    assert_eq!(sandbox.sales().len(), 1);
}

#[tokio::test]
async fn the_other_readings() {
    let mut readings = Readings::default();
    readings.repeated_lead = RepeatedLead::Idempotent;
    readings.unknown_lead = UnknownLead::Unattributed;
    readings.expired_window = ExpiredWindow::WithoutCommission;
    readings.window_start = WindowStart::FirstClick;
    readings.duplicate_sale = DuplicateSale::Conflict;
    readings.second_refund = SecondRefund::Taken;
    readings.reversal_without_status = true;
    let sandbox = start(builder().readings(readings)).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_1").await;

    assert_eq!(server.track("lead", json!({ "customer_key": "user_7" })).await.0, 200);
    assert_eq!(server.track("lead", json!({ "customer_key": "organic" })).await.0, 200);
    assert_eq!(
        server.track("sale", sale("t_2", "organic")).await.1["error"],
        "No affiliate attribution found for this customer in this program"
    );
    let conflict = json!({ "error": "Conflict", "message": "transaction_id already recorded", "statusCode": 409 });
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await, (409, conflict));

    let part = json!({ "transaction_id": "t_1", "refund_amount_cents": 4_000 });
    let (_, answer) = server.track("refund", part.clone()).await;
    assert_eq!((&answer["status"], &answer["deductionAmount"]), (&json!("refunded"), &json!(8.0)));
    assert_eq!(server.track("refund", part.clone()).await.1["deductionAmount"], 8.0);
    let (_, answer) = server.track("refund", part).await;
    assert_eq!((answer.get("status"), &answer["deductionAmount"]), (None, &json!(4.0)), "nothing is left");
    assert_eq!(sandbox.commissions()[0].status, CommissionStatus::Reversed);

    // The window counts from the first click, although the last one is new.
    let first = sandbox.clicks()[0].click_id.clone();
    sandbox.advance_days(61);
    server.click("abc123", Some(&first)).await;
    let (_, answer) = server.track("sale", sale("t_3", "user_7")).await;
    assert_eq!(answer["message"], "Sale tracked — attribution window expired, no commission created");
    assert!(answer["sale_id"].is_u64() && answer["commission_id"].is_null());
    assert_eq!(
        server.track("refund", json!({ "transaction_id": "t_3" })).await.1,
        json!({ "success": true, "status": "no_commission", "message": "Sale has no commission to reverse" })
    );
}

#[tokio::test]
async fn refunds() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_1", "t_1").await;
    server.bought("user_2", "t_2").await;
    let skipped =
        |id: u64| json!({ "success": true, "status": "skipped", "reason": "already reversed", "commission_id": id });

    let (status, answer) = server.track("refund", json!({ "transaction_id": "t_1", "refund_amount_cents": 0 })).await;
    let id = sandbox.commissions()[0].commission_id;
    assert_eq!(
        (status, answer),
        (200, json!({ "success": true, "status": "reversed", "deductionAmount": 20.0, "commission_id": id }))
    );
    assert_eq!(server.track("refund", json!({ "transaction_id": "t_1" })).await, (200, skipped(id)));

    let part = json!({ "transaction_id": "t_2", "refund_amount_cents": 2_525, "refund_reason": "late" });
    let (_, answer) = server.track("refund", part.clone()).await;
    let id = sandbox.commissions()[1].commission_id;
    assert_eq!(answer, json!({ "success": true, "status": "refunded", "deductionAmount": 5.05, "commission_id": id }));
    assert_eq!(server.track("refund", part).await.1, skipped(id), "a refunded commission is final");
    let refunds = sandbox.refunds();
    assert_eq!(refunds.len(), 2);
    assert_eq!((refunds[1].deduction_cents, refunds[1].refund_reason.as_deref()), (505, Some("late")));

    let other = Visitor { sandbox: &sandbox, authorization: Some("Bearer other_key".into()) };
    assert_eq!(other.track("refund", json!({ "transaction_id": "t_1" })).await.0, 404, "another program's sale");
}

#[tokio::test]
async fn duplicates_are_known_across_programs_and_before_the_customer() {
    let sandbox = start(builder()).await;
    Visitor::server(&sandbox).bought("user_1", "t_1").await;
    let duplicate = (409, json!({ "error": "Duplicate transaction_id. This sale has already been recorded." }));
    for authorization in ["Bearer test_key", "Bearer other_key"] {
        let visitor = Visitor { sandbox: &sandbox, authorization: Some(authorization.into()) };
        assert_eq!(visitor.track("sale", sale("t_1", "nobody")).await, duplicate);
    }
}

#[tokio::test]
async fn partners_who_are_not_what_they_were() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    let click_id = server.click("PARTNER123", None).await;
    let click = json!({ "affiliate_url": "https://shop.example/?aff=PARTNER123" });
    let by_click = json!({ "transaction_id": "t_1", "amount_cents": 100, "click_id": click_id });
    let error = |status: u16, text: &str| (status, json!({ "error": text }));
    let inactive = (200, json!({ "success": false, "message": "Referral link is inactive" }));
    for (state, clicked, sold) in [
        (PartnerState::LinkInvalid, error(400, "Invalid referral link configuration"), None),
        (PartnerState::LeftProgram, inactive.clone(), Some("No partner-program relationship found for this customer")),
        (
            PartnerState::Deleted,
            error(400, "Invalid referral link configuration"),
            Some("partnerId required to create commission"),
        ),
        (PartnerState::LinkInactive, inactive, None),
    ] {
        assert!(sandbox.set_partner_state("PARTNER123", state));
        assert_eq!(server.track("click", click.clone()).await, clicked, "{state:?}");
        if let Some(sold) = sold {
            assert_eq!(server.track("sale", by_click.clone()).await, error(400, sold), "{state:?}");
        }
    }
    // A link that is switched off keeps what it has brought.
    assert_eq!(server.track("sale", by_click).await.0, 200);
    assert!(!sandbox.set_partner_state("nobody", PartnerState::Active));

    let other = Visitor { sandbox: &sandbox, authorization: Some("Bearer other_key".into()) };
    assert_eq!(
        other.track("lead", json!({ "click_id": click_id })).await,
        error(400, "Customer does not belong to this program")
    );
    let foreign = json!({ "transaction_id": "t_2", "amount_cents": 1, "click_id": click_id });
    assert_eq!(
        other.track("sale", foreign).await,
        error(400, "No affiliate attribution found for this customer in this program")
    );
}

#[tokio::test]
async fn leads_by_browser_and_by_server() {
    let sandbox = start(builder().lead_auth(LeadAuth::ServerRequired)).await;
    let (browser, server) = (Visitor::browser(&sandbox), Visitor::server(&sandbox));
    let click_id = browser.click("PARTNER123", None).await;
    let lead = json!({
        "click_id": click_id, "customer_key": "user_7", "email": " Jo@Example.com ",
        "click_ids": ["cust_9_9", click_id], "has_attribution": true, "debug_mode": null, "page_url": null,
    });
    let (status, answer) = browser.track("lead", lead.clone()).await;
    assert_eq!((status, &answer["provisional"]), (200, &json!(true)));
    assert!(sandbox.leads()[0].provisional);
    assert_eq!(sandbox.customers()[0].status, CustomerStatus::Click);

    assert_eq!(server.track("lead", lead.clone()).await.1["message"], "Lead tracked successfully");
    let leads = sandbox.leads();
    assert_eq!((leads.len(), leads[0].provisional), (1, false));
    // printf 'jo@example.com' | sha256sum
    let hash = "f4e19df2e6c609fbd59a42b9063d0fadf44260218531ea21ad8c575f205c0453";
    assert_eq!(leads[0].email_sha256.as_deref(), Some(hash));
    assert!(!format!("{leads:?}").to_lowercase().contains("jo@"));

    for visitor in [browser, server] {
        assert_eq!(
            visitor.track("lead", lead.clone()).await,
            (400, json!({ "error": "Customer status cannot be updated to lead. Current status: lead" }))
        );
    }
}

#[tokio::test]
async fn test_mode_is_kept_apart() {
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
        let (status, answer) = visitor.track(call, body).await;
        assert_eq!(status, 200);
        assert_eq!(answer["message"], format!("Test {call} event tracked successfully"));
        assert_eq!(answer["data"]["programId"], expected, "{call}");
        assert_eq!(answer["data"]["test_mode"], true);
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

#[tokio::test]
async fn commissions_of_each_kind() {
    for (commission, paid) in [
        (Commission::one_time(30), vec![3_000]),
        (Commission::recurring(20, 2), vec![2_000, 2_000]),
        (Commission::lifetime(10), vec![1_000, 1_000, 1_000]),
    ] {
        let sandbox = start(builder().commission(commission).attribution_window_days(365)).await;
        let server = Visitor::server(&sandbox);
        server.bought("user_7", "t_1").await;
        for id in ["t_2", "t_3"] {
            sandbox.advance_days(31);
            assert_eq!(server.track("sale", sale(id, "user_7")).await.0, 200);
        }
        let commissions: Vec<u64> =
            sandbox.commissions().iter().map(|commission| commission.amount_cents).collect();
        assert_eq!(commissions, paid, "{commission:?}");
        assert_eq!(sandbox.sales().len(), 3);
    }
}

#[tokio::test]
async fn long_bodies_and_many_customers() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    let (status, answer) = server.post("/api/v1/track/lead", " ".repeat(1024 * 1024 + 1)).await;
    assert_eq!((status, answer), (413, json!({ "error": "The body is larger than 1 MiB" })));
    let mut ids = std::collections::HashSet::new();
    for _ in 0..300 {
        assert!(ids.insert(server.click("PARTNER123", None).await), "clicks of one millisecond have ids of their own");
    }
}

/// Many small refunds take back what one large one would.
#[tokio::test]
async fn nothing_is_lost_by_rounding() {
    let mut readings = Readings::default();
    readings.second_refund = SecondRefund::Taken;
    let sandbox = start(builder().readings(readings).commission(Commission::lifetime(4))).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_1").await;
    for _ in 0..1_000 {
        server.track("refund", json!({ "transaction_id": "t_1", "refund_amount_cents": 10 })).await;
    }
    let commission = sandbox.commissions().pop().unwrap();
    assert_eq!((commission.deducted_cents, commission.status), (400, CommissionStatus::Reversed));
}

/// Whoever sends a provisional lead under somebody else's customer key gets nothing by it.
#[tokio::test]
async fn a_provisional_lead_takes_no_customer_key() {
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

/// The program of a browser's lead is that of its click, else the one that the page names.
#[tokio::test]
async fn the_program_of_a_browser_s_lead() {
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
async fn the_clock_saturates() {
    let sandbox = start(builder()).await;
    for _ in 0..2 {
        sandbox.advance(std::time::Duration::MAX);
        let before = sandbox.now_ms();
        Visitor::server(&sandbox).bought(&format!("user_{before}"), &format!("t_{before}")).await;
        assert!(sandbox.now_ms() >= before);
    }
}

#[tokio::test]
async fn doubles_in_the_builder_are_errors() {
    for doubled in [
        builder().partner("abc123"),
        builder().other_program(42, "k", "p"),
        builder().other_program(8, "test_key", "p"),
        builder().other_program(8, "k", "abc123"),
    ] {
        assert_eq!(doubled.start().await.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn it_stops_when_dropped_and_its_connections_with_it() {
    let sandbox = start(builder()).await;
    let url = format!("{}/api/elsewhere", sandbox.url());
    let client = reqwest::Client::new();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 404);
    drop(sandbox);
    // The task ends at its next turn.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(client.get(&url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let sandbox = start(builder()).await;
    let error = Sandbox::builder().port(sandbox.address().port()).start().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn which_customer_a_sale_is_of() {
    for (reading, partner) in [("customer-key", "PARTNER123"), ("click-id", "abc123")] {
        let mut readings = Readings::default();
        readings.set(&format!("sale-lookup={reading}")).unwrap();
        let sandbox = start(builder().readings(readings)).await;
        let server = Visitor::server(&sandbox);
        let theirs = server.click("PARTNER123", None).await;
        assert_eq!(server.track("lead", json!({ "click_id": theirs, "customer_key": "user_7" })).await.0, 200);
        let other = server.click("abc123", None).await;
        let mut sold = sale("t_1", "user_7");
        sold["click_id"] = json!(other);
        assert_eq!(server.track("sale", sold).await.0, 200);
        assert_eq!(sandbox.sales()[0].partner_code, partner, "{reading}");
    }
}

/// A customer whom no click knows does not stand in the way of the click that a sale brings along.
#[tokio::test]
async fn a_sale_of_an_unattributed_customer_with_a_click() {
    let mut readings = Readings::default();
    readings.set("unknown-lead=unattributed").unwrap();
    let sandbox = start(builder().readings(readings)).await;
    let server = Visitor::server(&sandbox);
    assert_eq!(server.track("lead", json!({ "customer_key": "user_7" })).await.0, 200);
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 400);
    let click_id = server.click("abc123", None).await;
    let mut sold = sale("t_1", "user_7");
    sold["click_id"] = json!(click_id);
    assert_eq!(server.track("sale", sold).await.0, 200);
}

#[tokio::test]
async fn who_was_bound_once_can_last() {
    for (reading, day, attributed) in
        [("credited-click", 60, true), ("credited-click", 61, false), ("until-bound", 61, true)]
    {
        let mut readings = Readings::default();
        readings.set(&format!("window-start={reading}")).unwrap();
        let sandbox = start(builder().readings(readings)).await;
        let server = Visitor::server(&sandbox);
        server.lead("user_7").await;
        sandbox.advance_days(day);
        let answer = server.track("sale", sale("t_1", "user_7")).await.1;
        assert_eq!(answer["attributed"] != false, attributed, "{reading}, day {day}");
        let request = sandbox.requests().pop().unwrap();
        assert_eq!((request.is_confirmed(), request.error.is_none()), (attributed, attributed), "the page says why");
    }
}

/// A server that knows the customer key alone settles the lead that the browser has sent.
#[tokio::test]
async fn a_provisional_lead_is_settled_by_its_key() {
    let sandbox = start(builder().lead_auth(LeadAuth::ServerRequired)).await;
    let (browser, server) = (Visitor::browser(&sandbox), Visitor::server(&sandbox));
    let click_id = browser.click("abc123", None).await;
    for _ in 0..3 {
        let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
        assert_eq!(browser.track("lead", lead).await.1["provisional"], true);
    }
    assert_eq!(sandbox.leads().len(), 1, "repeats are one");
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

#[tokio::test]
async fn a_port_is_free_once_the_sandbox_has_stopped() {
    let sandbox = start(builder()).await;
    let port = sandbox.address().port();
    sandbox.stop().await;
    let again = builder().port(port).start().await.unwrap();
    assert_eq!(again.address().port(), port);
    let taken = builder().port(port).start().await.unwrap_err();
    assert!(taken.to_string().contains(&port.to_string()), "{taken}");
}
