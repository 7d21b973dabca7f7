//! Attribution: the last click, both windows, partner states, and the customer of a sale.

use crate::support::{Visitor, builder, sale, start};
use affitor_sandbox::{
    CommissionStatus, CustomerStatus, DuplicateSale, ExpiredWindow, Interpretations, PartnerState, RepeatedLead,
    SecondRefund, UnknownLead, WindowStart,
};
use serde_json::json;

#[tokio::test]
async fn last_click_wins() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    let first = server.click("PARTNER123", None).await;
    // The same partner's link again: a click of the same customer. Only the browser's script keeps quiet then.
    let again = server.click("PARTNER123", Some(&first)).await;
    assert_ne!(again, first);
    let lead = json!({ "click_id": first, "customer_key": "user_7" });
    assert_eq!(server.track("lead", lead).await.1["message"], "Lead tracked successfully");
    let second = server.click("abc123", Some(&first)).await;
    assert_ne!(second, first);
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 200);

    let customers = sandbox.customers();
    assert_eq!(customers.len(), 1);
    assert_eq!(customers[0].click_ids, [first, again, second.clone()]);
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
async fn attribution_and_cookie_windows() {
    let sandbox = start(builder().attribution_window_days(60).cookie_window_days(30)).await;
    let server = Visitor::server(&sandbox);
    let click = json!({ "affiliate_url": "https://shop.example/?aff=abc123" });
    let (_, response) = server.track("click", click).await;
    assert_eq!((&response["cookie_window_days"], &response["partner_code"]), (&json!(30), &json!("abc123")));
    let click_id = response["click_id"].as_str().unwrap();
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
async fn partner_states() {
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

    let other = Visitor::with(&sandbox, Some("Bearer other_key".into()));
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
async fn sale_lookup_by_customer_key_or_click_id() {
    for (value, partner) in [("customer-key", "PARTNER123"), ("click-id", "abc123")] {
        let mut interpretations = Interpretations::default();
        interpretations.set(&format!("sale-lookup={value}")).unwrap();
        let sandbox = start(builder().interpretations(interpretations)).await;
        let server = Visitor::server(&sandbox);
        let theirs = server.click("PARTNER123", None).await;
        assert_eq!(server.track("lead", json!({ "click_id": theirs, "customer_key": "user_7" })).await.0, 200);
        let other = server.click("abc123", None).await;
        let mut sold = sale("t_1", "user_7");
        sold["click_id"] = json!(other);
        assert_eq!(server.track("sale", sold).await.0, 200);
        assert_eq!(sandbox.sales()[0].partner_code, partner, "{value}");
    }
}

/// A customer without a click does not take precedence over the click id of the sale.
#[tokio::test]
async fn a_click_id_attributes_a_sale_of_an_unattributed_customer() {
    let mut interpretations = Interpretations::default();
    interpretations.set("unknown-lead=unattributed").unwrap();
    let sandbox = start(builder().interpretations(interpretations)).await;
    let server = Visitor::server(&sandbox);
    assert_eq!(server.track("lead", json!({ "customer_key": "user_7" })).await.0, 200);
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 400);
    let click_id = server.click("abc123", None).await;
    let mut sold = sale("t_1", "user_7");
    sold["click_id"] = json!(click_id);
    assert_eq!(server.track("sale", sold).await.0, 200);
}

#[tokio::test]
async fn window_starts() {
    for (value, day, attributed) in
        [("credited-click", 60, true), ("credited-click", 61, false), ("until-bound", 61, true)]
    {
        let mut interpretations = Interpretations::default();
        interpretations.set(&format!("window-start={value}")).unwrap();
        let sandbox = start(builder().interpretations(interpretations)).await;
        let server = Visitor::server(&sandbox);
        server.lead("user_7").await;
        sandbox.advance_days(day);
        let response = server.track("sale", sale("t_1", "user_7")).await.1;
        assert_eq!(response["attributed"] != false, attributed, "{value}, day {day}");
        let request = sandbox.requests().pop().unwrap();
        assert_eq!(
            (request.is_confirmed(), request.error.is_none()),
            (attributed, attributed),
            "a sale that was not recorded has an error in the log"
        );
    }
}

#[tokio::test]
async fn other_interpretations() {
    let mut interpretations = Interpretations::default();
    interpretations.repeated_lead = RepeatedLead::Idempotent;
    interpretations.unknown_lead = UnknownLead::Unattributed;
    interpretations.expired_window = ExpiredWindow::WithoutCommission;
    interpretations.window_start = WindowStart::FirstClick;
    interpretations.duplicate_sale = DuplicateSale::Conflict;
    interpretations.second_refund = SecondRefund::Taken;
    interpretations.reversal_without_status = true;
    let sandbox = start(builder().interpretations(interpretations)).await;
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
    let (_, response) = server.track("refund", part.clone()).await;
    assert_eq!((&response["status"], &response["deductionAmount"]), (&json!("refunded"), &json!(8)));
    assert_eq!(server.track("refund", part.clone()).await.1["deductionAmount"], 8);
    let (_, response) = server.track("refund", part).await;
    assert_eq!((response.get("status"), &response["deductionAmount"]), (None, &json!(4)), "nothing is left");
    assert_eq!(sandbox.commissions()[0].status, CommissionStatus::Reversed);

    // The window counts from the first click, although the last one is new.
    let first = sandbox.clicks()[0].click_id.clone();
    sandbox.advance_days(61);
    server.click("abc123", Some(&first)).await;
    let (_, response) = server.track("sale", sale("t_3", "user_7")).await;
    assert_eq!(response["message"], "Sale tracked — attribution window expired, no commission created");
    assert!(response["sale_id"].is_u64() && response["commission_id"].is_null());
    assert_eq!(
        server.track("refund", json!({ "transaction_id": "t_3" })).await.1,
        json!({ "success": true, "status": "no_commission", "message": "Sale has no commission to reverse" })
    );
}
