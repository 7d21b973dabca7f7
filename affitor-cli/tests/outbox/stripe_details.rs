//! What Stripe's webhooks leave out, and its API says: the lines of a Checkout session, an invoice's lines beyond the tenth, and how
//! much of a refund is tax.

use affitor::Event;
use affitor_outbox::{Outbox, PaymentSettings};
use affitor_payments::{Stripe, StripeReporter, Webhook, ledger::CommissionOn};
use serde_json::{Value, json};
use shop_lives::Provider;

use crate::{
    provider_apis::ProviderApi,
    shop::{Database, Shop, now},
};

fn paid(number: u32, cents: u64) -> Vec<Value> {
    let (intent, charge) = (format!("pi_{number}"), format!("ch_{number}"));
    vec![
        json!({ "id": intent, "object": "payment_intent", "status": "succeeded", "amount": cents, "amount_received": cents,
            "currency": "usd", "latest_charge": charge, "metadata": {}, "livemode": true, "created": now() - 60 }),
        json!({ "id": charge, "object": "charge", "status": "succeeded", "paid": true, "captured": true, "amount": cents,
            "amount_captured": cents, "amount_refunded": 0, "disputed": false, "payment_intent": intent, "currency": "usd",
            "metadata": {}, "livemode": true, "created": now() - 60 }),
    ]
}

/// A one-time Checkout payment of one product, and an invoice with twelve lines of another, of which 11.90 dollars with their tax
/// were refunded: all of the net amount, and no tax.
fn objects() -> Vec<Value> {
    let metadata = json!({ "program_id": "42", "affitor_customer_key": "user_7" });
    let item = json!({ "id": "li_1", "object": "item", "amount_total": 4_900, "description": "A course", "quantity": 1,
        "price": { "id": "price_1", "product": "prod_course" } });
    let line = |number: u32| {
        json!({ "id": format!("il_{number}"), "object": "line_item", "amount": 500, "description": "A seat", "quantity": 1,
            "pricing": { "price_details": { "price": "price_2", "product": "prod_seat" }, "type": "price_details" } })
    };
    let lines: Vec<Value> = (0..12).map(line).collect();
    let session = json!({ "id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid",
        "payment_intent": "pi_1", "invoice": null, "subscription": null, "amount_total": 4_900, "currency": "usd",
        "metadata": metadata, "livemode": true, "created": now() - 60,
        "line_items": { "object": "list", "data": [item], "has_more": false } });
    let invoice = json!({ "id": "in_2", "object": "invoice", "status": "paid", "billing_reason": "manual", "currency": "usd",
        "amount_paid": 7_140, "total": 7_140, "total_excluding_tax": 6_000, "post_payment_credit_notes_amount": 1_190,
        "metadata": metadata, "parent": null, "livemode": true, "created": now() - 60,
        "lines": { "object": "list", "data": lines, "has_more": false } });
    let payment = json!({ "id": "inpay_2", "object": "invoice_payment", "invoice": "in_2", "status": "paid",
        "amount_paid": 7_140, "currency": "usd", "livemode": true, "created": now() - 60,
        "payment": { "type": "payment_intent", "payment_intent": "pi_2" } });
    let refund = json!({ "id": "re_2", "object": "refund", "status": "succeeded", "amount": 1_190, "currency": "usd",
        "payment_intent": "pi_2", "charge": "ch_2", "created": now() - 30 });
    let note = json!({ "id": "cn_2", "object": "credit_note", "invoice": "in_2", "status": "issued", "amount": 1_190,
        "total": 1_190, "total_excluding_tax": 1_190, "currency": "usd", "livemode": true, "created": now() - 30,
        "refunds": [{ "refund": "re_2", "amount_refunded": 1_190, "type": "refund" }] });
    let mut objects = [paid(1, 4_900), paid(2, 7_140)].concat();
    objects[3]["amount_refunded"] = json!(1_190);
    objects.extend([session, invoice, payment, refund, note]);
    objects
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_credit_notes_are_read() {
    let (database, api) = (Database::sqlite().await, ProviderApi::start(Provider::Stripe, objects()).await);
    let shop = Shop { provider: Provider::Stripe, database, api, lives: vec![] };
    shop.database.start_ledger(24 * 60 * 60).await;
    // The app's settings apply, as of its last webhook.
    let endpoint = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App).unwrap();
    let endpoint = endpoint
        .stripe_reporter(StripeReporter::AppEvenIfConnected)
        .commission_on(CommissionOn::Net)
        .product("prod_seat", "seats");
    let body = json!({ "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "livemode": true,
        "created": now(), "data": { "object": paid(9, 100)[0] } })
    .to_string();
    let at = std::time::SystemTime::now();
    let headers = endpoint.sign("evt_1", body.as_bytes(), at);
    let event = endpoint.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), at).unwrap();
    let Database::Sqlite { pool, .. } = &shop.database else { unreachable!() };
    let settings = PaymentSettings::new().program_id(42);
    Outbox::sqlite(pool.clone()).with_payment_settings(settings).record_payment_alone(&event).await.unwrap();

    let ran = shop.reconcile(&[]).await;
    assert_eq!((ran.code, ran.enqueued()), (0, (2, 1)), "{ran:?}");
    let mut found: Vec<(String, Option<u64>, Option<String>)> = Vec::new();
    for event in shop.database.events().await {
        found.push(match event {
            Event::Sale(sale) => (sale.transaction_id, Some(sale.amount_cents), sale.product_id),
            Event::Refund(refund) => (refund.transaction_id, refund.refund_amount_cents, None),
            other => panic!("{}", other.kind()),
        });
    }
    found.sort();
    let is = |id: &str, cents, product: Option<&str>| (id.to_owned(), Some(cents), product.map(str::to_owned));
    assert_eq!(
        found,
        [is("in_2", 1_190, None), is("in_2", 6_000, Some("seats")), is("pi_1", 4_900, Some("prod_course"))]
    );
    let requests = shop.api.requests();
    assert!(requests.iter().any(|request| request.contains("/v1/invoices/in_2/lines")), "{requests:?}");
}
