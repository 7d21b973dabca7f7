//! Clicks, leads, sales and refunds.

use affitor_sandbox::{
    Commission, DuplicateSale, ExpiredWindow, Interpretations, LeadAuth, PartnerState, RepeatedLead, SecondRefund,
    UnknownLead, WindowStart,
};
use serde_json::json;

use super::{KEY, NONE, Run, sale, two_partners};

pub(crate) async fn clicks(run: &mut Run) {
    let mut at = run.of("click", two_partners()).await;
    let first = at.click("2 click 200", "PARTNER123", None).await;
    at.click("2 click: a row is made for the same partner too", "PARTNER123", Some(&first)).await;
    at.click("1 attribution: another partner replaces it", "abc123", Some(&first)).await;
    at.click("2 click existing_click_id: unknown, so a new customer", "abc123", Some("cust_9_9")).await;
    at.post("2 aliases", "/api/tracking/click", NONE, json!({ "affiliate_url": "https://shop.example/?aff=abc123" }))
        .await;
    let row = "2 click 400";
    for body in [
        json!({}),
        json!({ "affiliate_url": 7 }),
        json!({ "affiliate_url": "shop" }),
        json!({ "affiliate_url": "https://shop.example/" }),
        json!({ "affiliate_url": "https://shop.example/?aff=nobody" }),
    ] {
        at.track(row, "click", NONE, body).await;
    }
    let typed = json!({ "affiliate_url": "https://shop.example/?aff=abc123", "page_title": 7 });
    at.track("ours: a wrong type is named", "click", NONE, typed).await;
    assert!(at.sandbox.set_partner_state("abc123", PartnerState::LinkInactive));
    let link = json!({ "affiliate_url": "https://shop.example/?aff=abc123" });
    at.track("2 click 200, yet no success", "click", NONE, link.clone()).await;
    assert!(at.sandbox.set_partner_state("abc123", PartnerState::LinkInvalid));
    at.track(row, "click", NONE, link).await;
}

pub(crate) async fn leads(run: &mut Run) {
    let mut at = run.of("lead", two_partners()).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7", "email": "jo@example.com" });
    for (key, row) in [("Bearer wrong", "2 lead 401"), ("Bearer ", "2 lead 401"), ("test_key", "2 lead 401")] {
        at.track(row, "lead", Some(key), lead.clone()).await;
    }
    at.track("2 lead 400", "lead", KEY, json!({})).await;
    at.track("2 lead 400", "lead", KEY, json!({ "customer_key": "nobody" })).await;
    let other = json!({ "click_id": click_id, "customer_key": "user_7" });
    at.track("2 lead 400, another program's customer", "lead", Some("Bearer other_key"), other).await;
    at.track("2 lead 200", "lead", KEY, lead.clone()).await;
    at.track("2 lead 400 repeated (first interpretation)", "lead", KEY, lead).await;
    let long = vec!["cust_1_1"; 21];
    let long = json!({ "customer_key": "user_8", "click_ids": long });
    at.track("2 lead click_ids: up to 20", "lead", KEY, long).await;
    let click_id = at.click("2 click 200", "abc123", None).await;
    let browser = json!({
        "click_id": click_id, "customer_key": "user_9", "email": null, "click_ids": [click_id], "session_id": "sess_a_1",
        "page_url": "https://shop.example/", "program_id": "42", "has_attribution": true, "debug_mode": false,
    });
    at.post("2 lead 200, browser mode, alias", "/api/tracking/lead", NONE, browser).await;

    let mut at = run.of("lead, lead_auth: server_required", two_partners().lead_auth(LeadAuth::ServerRequired)).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
    at.track("2 lead 200 provisional", "lead", NONE, lead.clone()).await;
    at.track("2 lead 200, it settles", "lead", KEY, lead).await;
}

pub(crate) async fn sales(run: &mut Run) {
    let mut at = run.of("sale", two_partners().attribution_window_days(60)).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
    at.track("2 lead 200", "lead", KEY, lead).await;
    for key in [NONE, Some("Basic test_key"), Some("Bearer "), Some("Bearer wrong")] {
        at.track("2 sale 401", "sale", key, sale("t_1", "user_7")).await;
    }
    let row = "2 sale 400";
    for body in [
        json!({}),
        json!({ "transaction_id": 7 }),
        json!({ "transaction_id": "t_1" }),
        json!({ "transaction_id": "t_1", "amount_cents": 0 }),
        json!({ "transaction_id": "t_1", "amount_cents": 1.5 }),
        sale("t_1", "nobody"),
    ] {
        at.track(row, "sale", KEY, body).await;
    }
    let dollars = json!({ "transaction_id": "t_1", "amount_cents": 1, "currency": "dollars" });
    at.track("ours: currency", "sale", KEY, dollars).await;
    at.track("2 sale 200", "sale", KEY, sale("t_1", "user_7")).await;
    at.track("2 sale 409 (first body)", "sale", KEY, sale("t_1", "user_7")).await;
    at.track("ours: the duplicate comes before the customer", "sale", KEY, sale("t_1", "nobody")).await;
    let by_click =
        json!({ "transaction_id": "t_2", "amount_cents": 1_200_000, "currency": "VND", "click_id": click_id });
    at.track("2 sale 200, by click", "sale", KEY, by_click).await;
    let renewal = json!({
        "transaction_id": "t_3", "amount_cents": 4_900, "currency": "EUR", "customer_key": "user_7",
        "sale_type": "subscription", "is_recurring": true, "subscription_id": "sub_1", "subscription_interval": "monthly",
        "product_id": "plan", "line_items": [{ "name": "plan", "amount_cents": 4_900, "quantity": 1 }],
    });
    at.post("2 sale 200, a renewal, alias", "/api/tracking/sale", KEY, renewal).await;
    let other = json!({ "transaction_id": "t_4", "amount_cents": 1, "click_id": click_id });
    at.track("2 sale 400, another program's customer", "sale", Some("Bearer other_key"), other).await;
    assert!(at.sandbox.set_partner_state("PARTNER123", PartnerState::LeftProgram));
    at.track(row, "sale", KEY, sale("t_5", "user_7")).await;
    assert!(at.sandbox.set_partner_state("PARTNER123", PartnerState::Deleted));
    at.track(row, "sale", KEY, sale("t_5", "user_7")).await;
    assert!(at.sandbox.set_partner_state("PARTNER123", PartnerState::Active));
    at.sandbox.advance_days(75);
    at.track("2 sale 200, the window is over (first interpretation)", "sale", KEY, sale("t_6", "user_7")).await;

    let mut at = run.of("sale, cps_one_time", two_partners().commission(Commission::one_time(30))).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    for (id, row) in [("t_1", "1 cps_one_time: the first"), ("t_2", "1 cps_one_time: no other")] {
        let sale = json!({ "transaction_id": id, "amount_cents": 100, "click_id": click_id });
        at.track(row, "sale", KEY, sale).await;
    }
}

pub(crate) async fn refunds(run: &mut Run) {
    let mut at = run.of("refund", two_partners()).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    at.track("2 lead 200", "lead", KEY, json!({ "click_id": click_id, "customer_key": "user_7" })).await;
    for id in ["t_1", "t_2"] {
        at.track("2 sale 200", "sale", KEY, sale(id, "user_7")).await;
    }
    at.track("2 refund 401", "refund", NONE, json!({ "transaction_id": "t_1" })).await;
    at.track("2 refund 400", "refund", KEY, json!({})).await;
    at.track("ours: a wrong type", "refund", KEY, json!({ "transaction_id": "t_1", "refund_amount_cents": -1 })).await;
    at.track("2 refund 404", "refund", KEY, json!({ "transaction_id": "t_9" })).await;
    at.track("2 refund 404, another program's", "refund", Some("Bearer other_key"), json!({ "transaction_id": "t_1" }))
        .await;
    at.track("2 refund 200 full", "refund", KEY, json!({ "transaction_id": "t_1" })).await;
    at.track("2 refund 200 skipped", "refund", KEY, json!({ "transaction_id": "t_1" })).await;
    let part = json!({ "transaction_id": "t_2", "refund_amount_cents": 2_550, "refund_reason": "late" });
    at.post("2 refund 200 partial, alias", "/api/tracking/refund", KEY, part.clone()).await;
    at.track("2 refund 200 skipped, after a partial one (first interpretation)", "refund", KEY, part).await;

    let mut at = run.of("refund, without a commission", two_partners().without_commission()).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let unpaid = json!({ "transaction_id": "t_1", "amount_cents": 100, "click_id": click_id });
    at.track("ours: no policy, no commission", "sale", KEY, unpaid).await;
    at.track("2 refund 200 no_commission", "refund", KEY, json!({ "transaction_id": "t_1" })).await;
}

pub(crate) async fn other_interpretations(run: &mut Run) {
    let mut interpretations = Interpretations::default();
    interpretations.repeated_lead = RepeatedLead::Idempotent;
    interpretations.unknown_lead = UnknownLead::Unattributed;
    interpretations.expired_window = ExpiredWindow::WithoutCommission;
    interpretations.window_start = WindowStart::FirstClick;
    interpretations.duplicate_sale = DuplicateSale::Conflict;
    interpretations.second_refund = SecondRefund::Taken;
    interpretations.reversal_without_status = true;
    let mut at = run.of("the other interpretations", two_partners().interpretations(interpretations)).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
    at.track("2 lead 200", "lead", KEY, lead.clone()).await;
    at.track("2 lead 200 repeated (both)", "lead", KEY, lead).await;
    at.track("2 lead 200 unknown key (both)", "lead", KEY, json!({ "customer_key": "nobody" })).await;
    at.track("2 sale 400, a customer without a click", "sale", KEY, sale("t_0", "nobody")).await;
    at.track("2 sale 200", "sale", KEY, sale("t_1", "user_7")).await;
    at.track("2 sale 409 (both)", "sale", KEY, sale("t_1", "user_7")).await;
    let part = json!({ "transaction_id": "t_1", "refund_amount_cents": 4_000 });
    at.track("2 refund 200 partial", "refund", KEY, part).await;
    at.track(
        "2 refund 200, the rest (both), without a status (both)",
        "refund",
        KEY,
        json!({ "transaction_id": "t_1" }),
    )
    .await;
    at.sandbox.advance_days(50);
    at.click("1 attribution: another partner replaces it", "abc123", Some(&click_id)).await;
    at.sandbox.advance_days(25);
    at.track("2 sale 200, the window is over (both), from the first click (both)", "sale", KEY, sale("t_2", "user_7"))
        .await;
}
