//! Single rules of the ledger, each as a story of webhooks and what is reported at the end.

use std::time::{Duration, SystemTime};

use affitor::Event;
use affitor_outbox::{
    Outbox, PaymentSettings, Reconciliation,
    sqlx::{self, Sqlite, SqlitePool},
};
use affitor_payments::{Stripe, StripeReporter, Webhook, ledger::CommissionOn, object_facts};
use affitor_tests::databases;
use serde_json::{Value, json};

use crate::ledger::stripe::{charge, checkout, dispute, endpoint, event, metadata, now, refund, verified};

/// A ledger on SQLite.
struct World {
    pool: SqlitePool,
    outbox: Outbox<Sqlite>,
    endpoint: Webhook<Stripe>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with(PaymentSettings::new().program_id(42).hold(Duration::ZERO)).await
    }

    async fn with(settings: PaymentSettings) -> Self {
        let (pool, folder) = databases::sqlite().await;
        let outbox = Outbox::sqlite(pool.clone()).with_payment_settings(settings);
        outbox.migrate().await.unwrap();
        Self { pool, outbox, endpoint: endpoint(), _folder: folder }
    }

    async fn record(&self, body: &Value) {
        self.outbox.record_payment_alone(&verified(&self.endpoint, body)).await.unwrap();
    }

    /// Everything that is reported, as short texts.
    async fn reported(&self) -> Vec<String> {
        let sql = "SELECT json_extract(args, '$.event') FROM river_job WHERE kind = 'affitor_event' ORDER BY id";
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&self.pool).await.unwrap();
        let texts = rows.iter().map(|json| match serde_json::from_str(json).unwrap() {
            Event::Sale(sale) => format!("sale {} {} {}", sale.transaction_id, sale.amount_cents, sale.currency),
            Event::Refund(refund) => match refund.refund_amount_cents {
                Some(cents) => format!("refund {} {cents}", refund.transaction_id),
                None => format!("refund {} full", refund.transaction_id),
            },
            other => panic!("{other:?}"),
        });
        texts.collect()
    }

    async fn status(&self, transaction_id: &str) -> (String, String) {
        let story = self.outbox.explain_payment(transaction_id).await.unwrap().unwrap();
        let payment = story.payments.iter().find(|payment| payment.transaction_id == transaction_id).unwrap();
        (payment.status.clone(), payment.doubts.clone())
    }
}

/// Records webhooks, and compares what is reported.
async fn check(name: &str, webhooks: &[Value], expected: &[&str]) {
    let world = World::new().await;
    for webhook in webhooks {
        world.record(webhook).await;
    }
    assert_eq!(world.reported().await, expected, "{name}");
}

#[tokio::test]
async fn stories() {
    let paid = || checkout(1, 4_900, &metadata());
    check("a payment", &[paid(), paid()], &["sale pi_1 4900 USD"]).await;
    check(
        "a refund that overtakes its sale",
        &[refund(1, 1, 1_000, "succeeded"), paid()],
        &["sale pi_1 4900 USD", "refund pi_1 1000"],
    )
    .await;
    check("a full refund", &[paid(), refund(1, 1, 4_900, "succeeded")], &["sale pi_1 4900 USD", "refund pi_1 full"])
        .await;
    check(
        "refunds that add up to everything",
        &[paid(), refund(1, 1, 900, "succeeded"), refund(1, 2, 4_000, "succeeded")],
        &["sale pi_1 4900 USD", "refund pi_1 900", "refund pi_1 4000"],
    )
    .await;
    check("a pending refund", &[paid(), refund(1, 1, 900, "pending")], &["sale pi_1 4900 USD"]).await;
    check(
        "a pending refund that fails, in the total as well",
        &[paid(), refund(1, 1, 900, "pending"), charge(1, 4_900, 900, 0, now()), refund(1, 1, 900, "failed")],
        &["sale pi_1 4900 USD"],
    )
    .await;
    check(
        "a refund in the charge's total and as an object",
        &[paid(), charge(1, 4_900, 900, 0, now()), refund(1, 1, 900, "succeeded")],
        &["sale pi_1 4900 USD", "refund pi_1 900"],
    )
    .await;
    check(
        "more refunded than paid",
        &[paid(), refund(1, 1, 9_000, "succeeded")],
        &["sale pi_1 4900 USD", "refund pi_1 full"],
    )
    .await;
    check(
        "a dispute after a full refund",
        &[paid(), refund(1, 1, 4_900, "succeeded"), dispute(1, 4_900, "lost", "usd")],
        &["sale pi_1 4900 USD", "refund pi_1 full"],
    )
    .await;
    check(
        "a dispute of more than what is left",
        &[paid(), refund(1, 1, 900, "succeeded"), dispute(1, 4_900, "lost", "usd")],
        &["sale pi_1 4900 USD", "refund pi_1 900", "refund pi_1 4000"],
    )
    .await;
    check("a won dispute", &[paid(), dispute(1, 4_900, "won", "usd")], &["sale pi_1 4900 USD"]).await;
    check("another program", &[checkout(1, 4_900, &json!({ "program_id": "43", "affitor_customer_key": "u" }))], &[])
        .await;
    check(
        "a program id that is a number",
        &[checkout(1, 4_900, &json!({ "program_id": 42, "affitor_customer_key": "u" }))],
        &["sale pi_1 4900 USD"],
    )
    .await;
    for program in [json!(43), json!(true), json!(["42"]), json!({ "id": "42" })] {
        let foreign = checkout(1, 4_900, &json!({ "program_id": program, "affitor_customer_key": "u" }));
        check("a program id of another type", &[foreign], &[]).await;
    }
    check("no metadata", &[checkout(1, 4_900, &json!({}))], &[]).await;
    let mut yen = checkout(1, 4_900, &metadata());
    yen["data"]["object"]["currency"] = json!("jpy");
    check("a currency that is not accepted", &[yen], &[]).await;
    let mut dong = checkout(1, 129_000, &metadata());
    dong["data"]["object"]["currency"] = json!("vnd");
    check("a currency without a smaller unit", &[dong], &["sale pi_1 129000 VND"]).await;
    let mut connected = paid();
    connected["account"] = json!("acct_9");
    check("a connected account", &[connected], &[]).await;
    let mut test = paid();
    test["livemode"] = json!(false);
    check(
        "live and test mode with the same ids",
        &[paid(), test.clone(), test],
        &["sale pi_1 4900 USD", "sale pi_1 4900 USD"],
    )
    .await;
    let mut large = checkout(1, 4_900, &metadata());
    large["data"]["object"]["description"] = json!("x".repeat(1_000_000));
    check("a webhook of almost 1 MiB", &[large], &["sale pi_1 4900 USD"]).await;
    let mut early = paid();
    early["created"] = json!(now() + 86_400);
    check("a clock that is a day ahead", &[early], &["sale pi_1 4900 USD"]).await;
}

#[tokio::test]
async fn metadata_that_arrives_later() {
    let world = World::new().await;
    let invoice = |number: u64, metadata: Value| {
        event(
            "invoice.paid",
            &json!({ "id": format!("in_{number}"), "object": "invoice", "status": "paid", "amount_paid": 4_900, "currency": "usd",
                "billing_reason": "subscription_cycle", "metadata": {}, "parent": { "type": "subscription_details",
                "subscription_details": { "subscription": "sub_1", "metadata": metadata } } }),
        )
    };
    world.record(&invoice(1, Value::Null)).await;
    world.record(&invoice(2, Value::Null)).await;
    assert_eq!(world.reported().await, [""; 0]);
    assert_eq!(world.status("in_1").await.0, "no_customer");
    let subscription = json!({ "id": "sub_1", "object": "subscription", "status": "active", "metadata": metadata() });
    world.record(&event("customer.subscription.updated", &subscription)).await;
    assert_eq!(world.reported().await, ["sale in_1 4900 USD", "sale in_2 4900 USD"]);
    world.record(&invoice(3, Value::Null)).await;
    assert_eq!(world.reported().await.last().unwrap(), "sale in_3 4900 USD");
}

#[tokio::test]
async fn ten_partial_refunds_in_random_order_three_times_each() {
    for seed in 0..5 {
        let world = World::new().await;
        let mut webhooks: Vec<Value> = (0..10).map(|part| refund(1, part, 100 + part, "succeeded")).collect();
        webhooks.push(checkout(1, 4_900, &metadata()));
        webhooks = webhooks.iter().cycle().take(33).cloned().collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut webhooks);
        for webhook in &webhooks {
            world.record(webhook).await;
        }
        let refunded: u64 = world.reported().await[1..]
            .iter()
            .map(|text| text.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum();
        assert_eq!(refunded, (0..10).map(|part| 100 + part).sum::<u64>(), "seed {seed}");
    }
}

#[tokio::test]
async fn payments_from_before_the_ledger() {
    let old = now() - 40 * 86_400;
    let world = World::new().await;
    world.record(&charge(1, 4_900, 4_900, 0, old)).await;
    assert_eq!(world.reported().await, ["refund pi_1 full"], "a full refund is safe to repeat");
    let world = World::new().await;
    world.record(&charge(1, 4_900, 1_500, 0, old)).await;
    assert_eq!(world.reported().await, ["refund pi_1 1500"]);
    assert_eq!(world.status("pi_1").await.1, "uncertain_id");
    // A part was refunded before.
    let world = World::new().await;
    world.record(&charge(1, 4_900, 2_500, 1_000, old)).await;
    assert_eq!(world.reported().await, ["refund pi_1 1500"]);
    assert_eq!(world.status("pi_1").await.1, "refunded_before_ledger uncertain_id");
    // The charge names the invoice.
    let world = World::new().await;
    let mut named = charge(1, 4_900, 4_900, 0, old);
    named["data"]["object"]["invoice"] = json!("in_1");
    world.record(&named).await;
    assert_eq!(world.reported().await, ["refund in_1 full"]);
    // An old invoice is not reported, unless the app asks for it.
    let invoice = event(
        "invoice.paid",
        &json!({ "id": "in_1", "object": "invoice", "status": "paid", "amount_paid": 4_900, "currency": "usd",
            "status_transitions": { "paid_at": old }, "metadata": metadata(), "billing_reason": "manual", "parent": null }),
    );
    let world = World::new().await;
    world.record(&invoice).await;
    assert_eq!((world.reported().await.len(), world.status("in_1").await.0.as_str()), (0, "before_ledger"));
    let settings = PaymentSettings::new().hold(Duration::ZERO).report_since(std::time::UNIX_EPOCH);
    let world = World::with(settings).await;
    world.record(&invoice).await;
    assert_eq!(world.reported().await, ["sale in_1 4900 USD"]);
}

#[tokio::test]
async fn commissions_on_net_amounts() {
    let mut world = World::new().await;
    world.endpoint = endpoint().commission_on(CommissionOn::Net);
    let mut paid = checkout(1, 5_950, &metadata());
    paid["data"]["object"]["total_details"]["amount_tax"] = json!(950);
    world.record(&paid).await;
    for part in 1..=3 {
        world.record(&refund(1, part, 1_983, "succeeded")).await;
    }
    world.record(&refund(1, 4, 1, "succeeded")).await;
    // Shares are rounded on the cumulated amount, so they add up to the sale.
    assert_eq!(
        world.reported().await,
        ["sale pi_1 5000 USD", "refund pi_1 1666", "refund pi_1 1667", "refund pi_1 1666", "refund pi_1 1"]
    );
}

#[tokio::test]
async fn sales_that_the_app_enqueues_itself() {
    let world = World::new().await;
    let sale = affitor::Sale::new("pi_1", 4_900, affitor::Currency::USD).customer_key("user_7");
    world.outbox.enqueue_alone(sale).await.unwrap();
    world.record(&checkout(1, 4_900, &metadata())).await;
    world.record(&refund(1, 1, 900, "succeeded")).await;
    assert_eq!(world.reported().await, ["sale pi_1 4900 USD", "refund pi_1 900"]);
    // Also without any webhook of the payment.
    let sale = affitor::Sale::new("pi_2", 4_900, affitor::Currency::USD).customer_key("user_7");
    world.outbox.enqueue_alone(sale).await.unwrap();
    world.record(&refund(2, 1, 4_900, "succeeded")).await;
    assert_eq!(world.reported().await.last().unwrap(), "refund pi_2 full");
}

#[tokio::test]
async fn doubts() {
    let world = World::new().await;
    world.record(&checkout(1, 4_900, &metadata())).await;
    world.record(&refund(1, 1, 900, "succeeded")).await;
    world.record(&refund(1, 1, 900, "failed")).await;
    assert_eq!(world.status("pi_1").await.1, "reported_too_much");
    world.record(&checkout(2, 4_900, &metadata())).await;
    world.record(&dispute(2, 4_900, "lost", "eur")).await;
    assert_eq!(world.status("pi_2").await.1, "other_currency");
}

/// Asks a sandbox whether Stripe is connected, as a worker does.
async fn is_connected(world: &World, sandbox: affitor_sandbox::SandboxBuilder) -> bool {
    let sandbox = sandbox.start().await.unwrap();
    let client = affitor::Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url());
    let client = client.program_id(sandbox.program_id()).build().unwrap();
    world.outbox.check_stripe_connection(&client).await.unwrap()
}

#[tokio::test]
async fn payments_are_held_while_it_is_unknown_who_reports_them() {
    let world = World::new().await;
    assert!(!is_connected(&world, affitor_sandbox::Sandbox::builder()).await);
    world.record(&checkout(1, 4_900, &metadata())).await;
    assert!(is_connected(&world, affitor_sandbox::Sandbox::builder().stripe_webhook_secret("whsec_0123456789")).await);
    world.record(&checkout(2, 4_900, &metadata())).await;
    world.record(&refund(1, 1, 900, "succeeded")).await;
    assert_eq!(world.reported().await, ["sale pi_1 4900 USD"], "nothing is sent in conflict");
    assert_eq!(world.status("pi_2").await.0, "conflict");
    assert_eq!(world.outbox.release_payments(StripeReporter::App).await.unwrap(), 2);
    world.outbox.decide_due_payments().await.unwrap();
    let mut reported = world.reported().await;
    reported.sort();
    assert_eq!(reported, ["refund pi_1 900", "sale pi_1 4900 USD", "sale pi_2 4900 USD"]);
    world.outbox.release_payments(StripeReporter::Affitor).await.unwrap();
    world.record(&checkout(3, 4_900, &metadata())).await;
    assert_eq!(world.status("pi_3").await.0, "read_by_affitor");
}

#[tokio::test]
async fn a_forgotten_customer() {
    let world = World::new().await;
    world.record(&checkout(1, 4_900, &metadata())).await;
    let text = |story: &affitor_outbox::PaymentStory| format!("{story} {story:?}");
    let story = world.outbox.explain_payment("cs_1").await.unwrap().unwrap();
    assert!(text(&story).contains("user_7"));
    world.outbox.forget_customer("user_7").await.unwrap();
    let story = world.outbox.explain_payment("cs_1").await.unwrap().unwrap();
    assert!(!text(&story).contains("user_7"), "{story}");
    let facts: Vec<String> =
        sqlx::query_scalar("SELECT facts FROM affitor_payment_groups").fetch_all(&world.pool).await.unwrap();
    assert!(facts.iter().all(|facts| !facts.contains("user_7")));
}

/// Postgres can't index it, so it would be redelivered forever.
#[tokio::test]
async fn an_id_that_is_too_long() {
    let world = World::new().await;
    let paid = checkout(1, 4_900, &json!({ "affitor_customer_key": "k".repeat(1_001) }));
    let record = world.outbox.record_payment_alone(&verified(&world.endpoint, &paid)).await.unwrap();
    assert!(record.refused.is_some_and(|reason| reason.to_string().contains("1,000 bytes")));
    assert!(world.reported().await.is_empty());
}

/// A reconciliation is a part of the story, and `Debug` shows nobody.
#[tokio::test]
async fn the_story_of_a_payment_that_was_reconciled() {
    let world = World::new().await;
    let session = checkout(1, 4_900, &json!({ "affitor_customer_key": "jo@example.com" }));
    let facts = object_facts::<Stripe>(&session["data"]["object"], SystemTime::now()).unwrap();
    for changed in [true, false] {
        let record = world.outbox.reconcile_payments::<Stripe>(facts.clone(), &Reconciliation::new()).await.unwrap();
        assert_eq!(record.changed, changed);
    }
    let story = world.outbox.explain_payment("cs_1").await.unwrap().unwrap();
    assert_eq!(story.webhooks.len(), 1, "{story}");
    assert!(story.to_string().contains("reconciliation: sale of 49.00 USD"), "{story}");
    assert!(story.to_string().contains("jo@example.com") && !format!("{story:?}").contains("jo@"), "{story:?}");
}
