//! How long rows are kept stands in the database, and what is older is deleted, whoever was told.

use std::time::{Duration, SystemTime};

use affitor::{Lead, Refund};
use affitor_outbox::PaymentSettings;
use affitor_payments::{Stripe, StripeReporter, Webhook};
use serde_json::json;

use crate::outbox::common::{Raw, Store, click, connect, sale, sandbox, scenarios, wait_until};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns how many delivered events there are.
async fn delivered_rows<DB: Raw>(store: &Store<DB>) -> u64 {
    store.raw("UPDATE JOBS SET priority = priority WHERE state = 'completed'").await
}

async fn wait_for_rows<DB: Raw>(store: &Store<DB>, rows: u64) {
    let waited = async {
        while delivered_rows(store).await != rows {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.unwrap_or_else(|_| panic!("{rows} rows are left"));
}

/// Delivered events: of two values the longer counts, a worker without one uses it, and one that nobody says any more ends after 30
/// days. Totals and partial refunds stay.
async fn delivered_events<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let click = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(Refund::partial("in_1", 100).refund_id("re_1")).await.unwrap();
    assert_eq!(outbox.retention().await.unwrap().completed, 30 * DAY, "the default");
    let worker = outbox.worker(connect(&sandbox)).keep_completed(40 * DAY).start().await.unwrap();
    wait_until(outbox, |stats| stats.recorded == 3).await;
    worker.shutdown().await.unwrap();

    store.raw("UPDATE JOBS SET finalized_at = AT('-35 days') WHERE finalized_at < AT('+1 day')").await;
    let sales = "UPDATE JOBS SET finalized_at = AT('-45 days') WHERE finalized_at < AT('+1 day') AND id = 2";
    store.raw(sales).await;
    let worker = outbox.worker(connect(&sandbox)).keep_completed(10 * DAY).start().await.unwrap();
    assert_eq!(outbox.retention().await.unwrap().completed, 40 * DAY, "the longer value counts");
    wait_for_rows(&store, 2).await;
    worker.shutdown().await.unwrap();

    store.raw("UPDATE AFFITOR_retention SET said_at = said_at - 31 * 86400").await;
    drop(outbox.worker(connect(&sandbox)).keep_completed(10 * DAY).start().await.unwrap());
    assert_eq!(outbox.retention().await.unwrap().completed, 10 * DAY, "nobody has said 40 days for a month");
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    wait_for_rows(&store, 1).await;
    worker.shutdown().await.unwrap();
    assert_eq!(outbox.stats().await.unwrap().recorded, 3, "the totals stay");
}

/// Payments: the process that records webhooks says how long they are kept, and a worker without settings deletes them.
async fn payments<DB: Raw>(store: Store<DB>) {
    let outbox = store.outbox.clone().with_payment_settings(PaymentSettings::new().keep(600 * DAY));
    let endpoint = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App).unwrap();
    let now = SystemTime::now();
    let created = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    for number in [1, 2] {
        let body = json!({ "id": format!("evt_{number}"), "object": "event", "created": created, "livemode": true,
            "type": "checkout.session.completed", "data": { "object": { "id": format!("cs_{number}"), "object": "checkout.session",
            "mode": "payment", "payment_status": "paid", "payment_intent": format!("pi_{number}"), "amount_total": 4_900,
            "currency": "usd", "metadata": { "affitor_customer_key": "user_7" } } } })
        .to_string();
        let headers = endpoint.sign("", body.as_bytes(), now);
        let event = endpoint.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), now).unwrap();
        outbox.record_payment_alone(&event).await.unwrap();
    }
    assert_eq!(store.outbox.retention().await.unwrap().payments, 600 * DAY);
    for (payment, days) in [("pi_1", 590), ("pi_2", 610)] {
        let age = format!(
            "UPDATE AFFITOR_payment_groups SET updated_at = updated_at - {days} * 86400, due_at = NULL
             WHERE id IN (SELECT group_id FROM AFFITOR_payment_ids WHERE id = '{payment}')"
        );
        assert_eq!(store.raw(&age).await, 1);
    }
    let sandbox = sandbox().start().await.unwrap();
    let worker = store.outbox.worker(connect(&sandbox)).start().await.unwrap();
    let deleted = async {
        while outbox.explain_payment("cs_2").await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), deleted).await.expect("the older payment is deleted");
    worker.shutdown().await.unwrap();
    assert!(outbox.explain_payment("cs_1").await.unwrap().is_some(), "the younger payment stays");
}

scenarios! { delivered_events payments }
