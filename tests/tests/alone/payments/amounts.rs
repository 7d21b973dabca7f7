//! Which amounts are reported: without tax, converted, and of running totals.

use std::time::SystemTime;

use affitor::{Click, Lead};
use affitor_payments::{LemonSqueezy, Stripe, WebhookEvent, ledger::CommissionOn};
use affitor_sandbox::Sandbox;
use serde_json::json;

use super::{client, now, receive, refund, sandbox, session, webhook};

/// The endpoint remembers the tax of a sale, so its partial refunds are without tax as well.
#[tokio::test]
async fn amounts_without_tax() {
    let (sandbox, client) = sandbox().await;
    let net = webhook::<Stripe>().commission_on(CommissionOn::Net);
    let mut paid = session("pi_1");
    paid["data"]["object"]["total_details"] = json!({ "amount_tax": 900 });
    receive(&net, &paid).track(&client).await.unwrap();
    assert_eq!((sandbox.sales()[0].amount_cents, sandbox.commissions()[0].amount_cents), (4_000, 800));
    receive(&net, &refund("pi_1", now())).track(&client).await.unwrap();
    assert_eq!(sandbox.refunds()[0].refund_amount_cents, Some(1_224), "1,500 × 4,000 / 4,900");
}

/// A shop that converts amounts, with `map_sale` and `map_refund`.
#[tokio::test]
async fn converted_amounts() {
    let (sandbox, client) = sandbox().await;
    let endpoint = webhook::<Stripe>();
    let event = receive(&endpoint, &session("pi_1"));
    let converted = event.track(&client).map_sale(|mut sale, event| {
        assert_eq!(event.kind(), "checkout.session.completed");
        sale.amount_cents /= 2;
        sale
    });
    converted.await.unwrap();
    assert_eq!((sandbox.sales()[0].amount_cents, sandbox.commissions()[0].amount_cents), (2_450, 490));
    let event = receive(&endpoint, &refund("pi_1", now()));
    let converted = event.track(&client).map_refund(|mut refund, _| {
        refund.refund_amount_cents = refund.refund_amount_cents.map(|amount| amount / 2);
        refund
    });
    converted.await.unwrap();
    assert_eq!(sandbox.refunds()[0].refund_amount_cents, Some(750));

    // A sale of nothing is not reported, and neither are its refunds.
    let nothing = |mut sale: affitor::Sale, _: &WebhookEvent<Stripe>| {
        sale.amount_cents = 0;
        sale
    };
    for body in [session("pi_2"), refund("pi_2", now())] {
        let outcome = receive(&endpoint, &body).track(&client).map_sale(nothing).await.unwrap();
        assert!(outcome.reported.is_empty(), "{outcome:?}");
    }
}

/// Lemon Squeezy reports running totals. The endpoint remembers what was reported, whichever client reports it.
#[tokio::test]
async fn running_totals() {
    let lemon = webhook::<LemonSqueezy>();
    let event = |name: &str, refunded: u64| {
        let body = json!({ "meta": { "event_name": name, "custom_data": { "user_id": "user_7" } }, "data": { "id": "1",
            "attributes": { "status": "paid", "total": 4_900, "refunded_amount": refunded, "currency": "USD" } } })
        .to_string();
        let headers = lemon.sign("", body.as_bytes(), SystemTime::now());
        let header = |name: &str| headers.get(name).map(String::as_bytes);
        lemon.verify(header, body.as_bytes(), SystemTime::now()).unwrap()
    };
    let mut interpretations = affitor_sandbox::Interpretations::default();
    interpretations.second_refund = affitor_sandbox::SecondRefund::Taken;
    let sandbox = Sandbox::builder().interpretations(interpretations).start().await.unwrap();
    let first = client(&sandbox, sandbox.api_key());
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = first.track_click(Click::landing(landing)).await.unwrap();
    let _ = first.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();
    event("order_created", 0).track(&first).await.unwrap();
    let deducted = async || sandbox.commissions()[0].deducted_cents;
    // In order, each twice; then an older total, late.
    for (total, expected) in [(1_500, 300), (1_500, 300), (2_500, 500), (2_500, 500), (1_500, 500)] {
        event("order_refunded", total).track(&first).await.unwrap();
        assert_eq!(deducted().await, expected, "{total}");
    }
    let second = client(&sandbox, sandbox.api_key());
    for (total, expected) in [(3_500, 700), (4_900, 980)] {
        event("order_refunded", total).track(&second).await.unwrap();
        assert_eq!(deducted().await, expected, "{total}");
    }
}
