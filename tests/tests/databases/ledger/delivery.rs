//! What the service gets in the end: refunds whose sale arrives later.

use std::time::{Duration, SystemTime};

use affitor::{Click, Client, Currency, Lead, Refund, Sale};
use affitor_outbox::{Outbox, OutboxStats, PaymentSettings, sqlx::Sqlite};
use affitor_sandbox::Sandbox;
use affitor_tests::databases;
use serde_json::json;

use crate::ledger::stripe::{charge, endpoint, event, metadata, now, verified};

/// A sandbox that knows the customer `user_7`.
async fn sandbox() -> (Sandbox, Client) {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    client.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();
    (sandbox, client)
}

async fn wait_until(outbox: &Outbox<Sqlite>, reached: impl Fn(&OutboxStats) -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let stats = outbox.stats().await.unwrap();
        if reached(&stats) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{stats:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Commissions that are left, in cents.
fn left(sandbox: &Sandbox) -> Vec<u64> {
    sandbox.commissions().iter().map(|commission| commission.amount_cents - commission.deducted_cents).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_sale_takes_its_refunds_with_it() {
    let (sandbox, client) = sandbox().await;
    let (pool, _folder) = databases::sqlite().await;
    let outbox = Outbox::sqlite(pool);
    outbox.migrate().await.unwrap();
    // The service rejects the amount.
    let rejected = Sale::new("t1", u64::MAX, Currency::USD).customer_key("user_7");
    outbox.enqueue_alone(rejected).await.unwrap();
    outbox.enqueue_alone(Refund::full("t1")).await.unwrap();
    let worker = outbox.worker(client).start().await.unwrap();
    wait_until(&outbox, |stats| stats.dead == 1 && stats.not_attributed == 1).await;
    let id = outbox.dead(1).await.unwrap()[0].id;
    assert!(outbox.replay_as(id, Sale::new("t1", 4_900, Currency::USD).customer_key("user_7")).await.unwrap());
    wait_until(&outbox, |stats| stats.recorded == 2).await;
    worker.shutdown().await.unwrap();
    assert_eq!(left(&sandbox), [0]);
    let story = outbox.explain_payment("t1").await.unwrap().unwrap();
    assert!(story.reports.iter().all(|report| report.outcome == "recorded"), "{story}");
}

/// A payment from before the ledger was refunded, and only then it is decided that older payments are reported.
#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_is_reported_after_its_refund() {
    let (sandbox, client) = sandbox().await;
    let (pool, _folder) = databases::sqlite().await;
    let settings = PaymentSettings::new().hold(Duration::ZERO);
    let outbox = Outbox::sqlite(pool).with_payment_settings(settings.clone());
    outbox.migrate().await.unwrap();
    let old = now() - 40 * 86_400;
    let mut refunded = charge(1, 4_900, 4_900, 0, old);
    refunded["data"]["object"]["invoice"] = json!("in_1");
    let invoice = event(
        "invoice.paid",
        &json!({ "id": "in_1", "object": "invoice", "status": "paid", "amount_paid": 4_900, "currency": "usd",
            "status_transitions": { "paid_at": old }, "metadata": metadata(), "billing_reason": "manual", "parent": null }),
    );
    let worker = outbox.worker(client).start().await.unwrap();
    outbox.record_payment_alone(&verified(&endpoint(), &refunded)).await.unwrap();
    wait_until(&outbox, |stats| stats.not_attributed == 1).await;
    let reports_older = outbox.clone().with_payment_settings(settings.report_since(SystemTime::UNIX_EPOCH));
    reports_older.record_payment_alone(&verified(&endpoint(), &invoice)).await.unwrap();
    wait_until(&outbox, |stats| stats.recorded == 2).await;
    worker.shutdown().await.unwrap();
    assert_eq!(left(&sandbox), [0], "the refund is repeated after its sale");
}
