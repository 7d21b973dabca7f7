//! The ledger in the app's own transactions: what is rolled back together, and what waits for what.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use affitor_outbox::{
    Outbox, PaymentSettings,
    sqlx::{self, PgPool, Postgres, SqlitePool},
};
use affitor_tests::databases::{self, Postgres as Server};
use serde_json::Value;

use crate::ledger::stripe::{charge, checkout, endpoint, metadata, now, refund, verified};

const SHOP: &str =
    "CREATE TABLE orders (id integer PRIMARY KEY, paid integer NOT NULL DEFAULT 0); INSERT INTO orders (id) VALUES (1)";

fn settings() -> PaymentSettings {
    PaymentSettings::new().program_id(42).hold(Duration::ZERO)
}

/// A payment with three refunds, each reported in two ways.
fn webhooks() -> Vec<Value> {
    let mut webhooks = vec![checkout(1, 4_900, &metadata()), checkout(1, 4_900, &metadata())];
    for part in 1..=3 {
        webhooks.push(refund(1, part, 1_000, "succeeded"));
        webhooks.push(charge(1, 4_900, part * 1_000, (part - 1) * 1_000, now()));
    }
    webhooks
}

/// What is enqueued: the number of sales, and the sum of the refunds.
async fn enqueued_in_postgres(pool: &PgPool) -> (i64, i64) {
    let sql = "SELECT count(*) FILTER (WHERE args -> 'event' ->> 'type' = 'sale'),
                      CAST(coalesce(sum(CAST(args -> 'event' ->> 'refund_amount_cents' AS bigint)), 0) AS bigint)
               FROM affitor.river_job";
    sqlx::query_as(sql).fetch_one(pool).await.unwrap()
}

async fn enqueued_in_sqlite(pool: &SqlitePool) -> (i64, i64) {
    let sql = "SELECT count(*) FILTER (WHERE json_extract(args, '$.event.type') = 'sale'),
                      coalesce(sum(json_extract(args, '$.event.refund_amount_cents')), 0) FROM river_job";
    sqlx::query_as(sql).fetch_one(pool).await.unwrap()
}

async fn postgres() -> Option<(Server, PgPool, Outbox<Postgres>)> {
    let server = Server::start()?;
    let pool = server.pool().await;
    let outbox = Outbox::postgres(pool.clone()).with_payment_settings(settings());
    outbox.migrate().await.unwrap();
    sqlx::raw_sql(SHOP).execute(&pool).await.unwrap();
    Some((server, pool, outbox))
}

/// Every webhook at the same moment, four times, at every isolation level. What fails is redelivered.
#[tokio::test(flavor = "multi_thread")]
async fn all_webhooks_at_once_at_every_isolation_level() {
    let Some((_server, pool, outbox)) = postgres().await else { return };
    let mut failures = BTreeMap::new();
    for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        let sql = "TRUNCATE affitor.river_job, affitor.affitor_payment_groups, affitor.affitor_reports CASCADE";
        sqlx::raw_sql(sql).execute(&pool).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for webhook in webhooks().into_iter().cycle().take(32) {
            let (pool, outbox) = (pool.clone(), outbox.clone());
            tasks.spawn(async move {
                let event = verified(&endpoint(), &webhook);
                for attempt in 0..100 {
                    let begin = sqlx::AssertSqlSafe(format!("BEGIN ISOLATION LEVEL {level}"));
                    let mut tx = pool.begin_with(begin).await.unwrap();
                    // The app reads first, so that its snapshot is older than the ledger's lock.
                    sqlx::query("SELECT paid FROM orders").execute(&mut *tx).await.unwrap();
                    if outbox.record_payment(&mut tx, &event).await.is_ok() && tx.commit().await.is_ok() {
                        return attempt;
                    }
                }
                panic!("it fails again and again");
            });
        }
        let repeated: usize = tasks.join_all().await.into_iter().sum();
        failures.insert(level, repeated);
        assert_eq!(enqueued_in_postgres(&pool).await, (1, 3_000), "{level}");
    }
    println!("repeated because of other transactions: {failures:?}");
    assert_eq!(failures["READ COMMITTED"], 0, "at the default level, nothing fails");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_webhooks_at_once_on_sqlite() {
    let (pool, _folder) = databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).with_payment_settings(settings());
    outbox.migrate().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for webhook in webhooks().into_iter().cycle().take(32) {
        let outbox = outbox.clone();
        tasks.spawn(async move { outbox.record_payment_alone(&verified(&endpoint(), &webhook)).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!(enqueued_in_sqlite(&pool).await, (1, 3_000));
}

/// Two webhooks of one payment, of which one locks a row of the app first, and the other one last. The database ends one of them, which
/// is redelivered.
#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_cross_a_row_lock_of_the_app() {
    let Some((_server, pool, outbox)) = postgres().await else { return };
    let (sale, refunded) = (checkout(1, 4_900, &metadata()), refund(1, 1, 1_000, "succeeded"));
    let both_locked = Arc::new(tokio::sync::Barrier::new(2));
    let lock_order = |row_first: bool, webhook: Value, barrier: Option<Arc<tokio::sync::Barrier>>| {
        let (pool, outbox) = (pool.clone(), outbox.clone());
        async move {
            let event = verified(&endpoint(), &webhook);
            let mut tx = pool.begin().await.unwrap();
            for step in [row_first, !row_first] {
                if step {
                    let update = sqlx::query("UPDATE orders SET paid = paid + 1 WHERE id = 1").execute(&mut *tx).await;
                    update.map_err(drop)?;
                } else {
                    outbox.record_payment(&mut tx, &event).await.map_err(drop)?;
                }
                if step == row_first
                    && let Some(barrier) = &barrier
                {
                    barrier.wait().await;
                }
            }
            tx.commit().await.map_err(drop)
        }
    };
    let first = tokio::spawn(lock_order(true, sale.clone(), Some(Arc::clone(&both_locked))));
    let second = tokio::spawn(lock_order(false, refunded.clone(), Some(both_locked)));
    let results = [first.await.unwrap(), second.await.unwrap()];
    assert!(results.iter().any(Result::is_ok), "one of them commits");
    for (result, webhook) in results.into_iter().zip([sale, refunded]) {
        if result.is_err() {
            lock_order(true, webhook, None).await.unwrap();
        }
    }
    assert_eq!(enqueued_in_postgres(&pool).await, (1, 1_000));
    let paid: i32 = sqlx::query_scalar("SELECT paid FROM orders").fetch_one(&pool).await.unwrap();
    assert_eq!(paid, 2, "the app's own work is done once per webhook");
}

/// If the ledger fails, the app's own work can be committed nevertheless.
#[tokio::test]
async fn a_ledger_that_fails_rolls_back_nothing_of_the_app() {
    let Some((_server, pool, outbox)) = postgres().await else { return };
    sqlx::raw_sql("ALTER TABLE affitor.affitor_payments RENAME TO gone").execute(&pool).await.unwrap();
    let event = verified(&endpoint(), &checkout(1, 4_900, &metadata()));
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("UPDATE orders SET paid = 1").execute(&mut *tx).await.unwrap();
    let error = outbox.record_payment(&mut tx, &event).await.unwrap_err();
    assert!(error.is_not_recorded(), "{error}");
    tx.commit().await.unwrap();
    let paid: i32 = sqlx::query_scalar("SELECT paid FROM orders").fetch_one(&pool).await.unwrap();
    assert_eq!((paid, enqueued_in_postgres(&pool).await), (1, (0, 0)));
    sqlx::raw_sql("ALTER TABLE affitor.gone RENAME TO affitor_payments").execute(&pool).await.unwrap();
    // What the app rolls back is not recorded.
    let mut tx = pool.begin().await.unwrap();
    assert_eq!(outbox.record_payment(&mut tx, &event).await.unwrap().enqueued.len(), 1);
    tx.rollback().await.unwrap();
    assert!(outbox.explain_payment("pi_1").await.unwrap().is_none());
    assert_eq!(outbox.record_payment_alone(&event).await.unwrap().enqueued.len(), 1);
}

/// A transaction that begins with a read may be too late to write. The error says what to do.
#[tokio::test]
async fn a_deferred_transaction_on_sqlite() {
    let (pool, _folder) = databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).with_payment_settings(settings());
    outbox.migrate().await.unwrap();
    sqlx::raw_sql(SHOP).execute(&pool).await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("SELECT paid FROM orders").execute(&mut *tx).await.unwrap();
    sqlx::query("UPDATE orders SET paid = 1").execute(&pool).await.unwrap();
    let event = verified(&endpoint(), &checkout(1, 4_900, &metadata()));
    let error = outbox.record_payment(&mut tx, &event).await.unwrap_err();
    assert!(error.to_string().contains("Outbox::begin"), "{error}");
    drop(tx);
    // Without a read before, it works.
    let mut tx = pool.begin().await.unwrap();
    outbox.record_payment(&mut tx, &event).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(enqueued_in_sqlite(&pool).await, (1, 0));
}
