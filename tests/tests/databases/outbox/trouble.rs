//! Failures around the outbox: a full disk, a clock that jumps, an unavailable database, many dead letters, and more.

use std::time::{Duration, Instant};

use affitor::{Currency, Lead, Refund, Sale};
use affitor_outbox::{
    Outbox,
    sqlx::{self, SqlitePool, sqlite::SqlitePoolOptions},
};
use affitor_sandbox::{ApiCall, Fault, Sandbox};
use affitor_tests::databases::{Postgres, open_sqlite, sqlite};

use crate::outbox::common::{Raw, Store, click, connect, sale, sandbox, scenarios, wait_until};

/// Returns the number of rows in the shop's own table.
async fn orders(pool: &SqlitePool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(pool).await.unwrap()
}

/// Uses SQLite's page limit, which fails as a full disk does: with `SQLITE_FULL`.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk() {
    let (pool, folder) = sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await.unwrap();
    sqlx::query("CREATE TABLE orders (id text PRIMARY KEY)").execute(&pool).await.unwrap();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&pool).await.unwrap();
    let options = (*pool.connect_options()).clone().pragma("max_page_count", (pages + 20).to_string());
    pool.close().await;
    let full = SqlitePoolOptions::new().max_connections(5).connect_with(options).await.unwrap();
    let outbox = Outbox::sqlite(full.clone());

    let (sandbox, mut enqueued) = (sandbox().start().await.unwrap(), 0);
    let error = loop {
        assert!(enqueued < 10_000, "the disk is still not full");
        let id = format!("in_{enqueued}");
        let mut tx = outbox.begin().await.unwrap();
        sqlx::query("INSERT INTO orders (id) VALUES ($1)").bind(&id).execute(&mut *tx).await.unwrap();
        match outbox.enqueue(&mut tx, Sale::new(&id, 100, Currency::USD).customer_key("nobody")).await {
            Ok(_) => tx.commit().await.unwrap(),
            Err(error) => {
                tx.rollback().await.ok();
                break error;
            }
        }
        enqueued += 1;
    };
    assert!(error.is_database() && error.to_string().contains("full"), "{error}");
    assert_eq!(outbox.stats().await.unwrap().total(), enqueued, "order and event are stored, or neither");
    assert_eq!(orders(&full).await.unsigned_abs(), enqueued);
    // A worker may be able to send a few events, and not to store their outcomes.
    if let Ok(worker) = outbox.worker(connect(&sandbox)).start().await {
        let sent = async {
            while sandbox.requests().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), sent).await.ok();
        worker.shutdown().await.ok();
    }
    full.close().await;

    let pool = open_sqlite(&folder.path().join("shop.sqlite3")).await;
    let outbox = Outbox::sqlite(pool.clone());
    // Move the attempts back, so that they are rescued at once instead of after a minute.
    sqlx::query("UPDATE river_job SET attempted_at = datetime('now', '-10 minutes') WHERE state = 'running'")
        .execute(&pool)
        .await
        .unwrap();
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(&outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.total(), stats.not_attributed), (enqueued, enqueued), "{stats:?}");
}

/// The clock jumped ahead and back, and left times that are days in the future.
///
/// Up to 15 s: that is how often a worker corrects such times.
async fn a_clock_that_jumps<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_7").click_id(click(&sandbox).await)).await.unwrap();
    for id in ["in_1", "in_2", "in_3"] {
        let customer = if id == "in_1" { "user_7" } else { "nobody" };
        outbox.enqueue_alone(Sale::new(id, 100, Currency::USD).customer_key(customer)).await.unwrap();
    }
    // The lead failed in the future and waits for days. The worker of the second sale died in the future. The third sale was
    // deliberately scheduled for later.
    for (set, row) in [
        (
            r#"state = 'scheduled', scheduled_at = AT('+3 days'), created_at = AT('+3 days'),
               metadata = JSON('{"snoozes": 4, "affitor": {"unknown_since": 4102444800}}')"#,
            0,
        ),
        ("state = 'running', attempt = 1, attempted_at = AT('+3 days')", 2),
        ("state = 'scheduled', scheduled_at = AT('+3 days')", 3),
    ] {
        let sql = format!("UPDATE JOBS SET {set} WHERE id = (SELECT min(id) FROM JOBS) + {row}");
        assert_eq!(store.raw(&sql).await, 1, "{sql}");
    }
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 2).await;
    assert_eq!(stats.recorded, 2, "{stats:?}");
    let move_back =
        "UPDATE JOBS SET attempted_at = AT('-10 minutes') WHERE state = 'running' AND attempted_at < AT('+1 hour')";
    assert_eq!(store.raw(move_back).await, 1, "the test does not wait a minute for the rescue");
    let stats = wait_until(outbox, |stats| stats.pending == 1).await;
    worker.shutdown().await.unwrap();
    assert_eq!(
        (stats.recorded, stats.not_attributed),
        (2, 1),
        "the sale that was deliberately scheduled must wait: {stats:?}"
    );
}

async fn ten_thousand_dead_letters<DB: Raw>(store: Store<DB>) {
    const DEAD: usize = 10_000;
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let sql = format!(
        r#"WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {DEAD})
           INSERT INTO JOBS (kind, queue, max_attempts, state, finalized_at, created_at, args, metadata)
           SELECT 'affitor_event', 'affitor', 10000, 'discarded', AT('-60 days'), AT('-60 days'),
             JSON('{{"event": {{"type": "refund", "transaction_id": "in_1"}}}}'),
             JSON('{{"output": {{"outcome": "dead", "reason": "rejected", "message": "no"}}}}') FROM number"#
    );
    assert_eq!(store.raw(&sql).await, DEAD as u64);
    // A dead letter does not block the events after it.
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    assert_eq!((stats.recorded, stats.dead), (3, DEAD as u64), "{stats:?}");

    let (mut ids, mut last) = (Vec::new(), i64::MIN);
    loop {
        let page = outbox.dead_after(last, 999).await.unwrap();
        let Some(letter) = page.last() else { break };
        last = letter.id;
        ids.extend(page.iter().map(|letter| letter.id));
    }
    assert_eq!(ids.len(), DEAD);
    assert!(ids.is_sorted());
    for id in &ids[..5] {
        assert!(outbox.discard(*id).await.unwrap());
    }
    // Of two concurrent replays, one has an effect.
    let replays = ids[5..10].iter().map(|id| async move {
        let both = tokio::join!(outbox.replay(*id), outbox.replay(*id));
        u32::from(both.0.unwrap()) + u32::from(both.1.unwrap())
    });
    for replayed in replays {
        assert_eq!(replayed.await, 1);
    }
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.discarded, stats.dead), (5, DEAD as u64 - 10), "{stats:?}");
    assert_eq!((stats.recorded, stats.already_recorded), (3, 5), "the replayed refunds are duplicates: {stats:?}");
}

scenarios! { a_clock_that_jumps ten_thousand_dead_letters }

/// Two workers with separate connection pools, which to SQLite are like two processes.
#[tokio::test(flavor = "multi_thread")]
async fn two_workers_on_one_sqlite_file() {
    let (pool, folder) = sqlite().await;
    let one = Outbox::sqlite(pool);
    one.migrate().await.unwrap();
    let other = Outbox::sqlite(open_sqlite(&folder.path().join("shop.sqlite3")).await);
    let sandbox = sandbox().start().await.unwrap();
    let workers =
        (one.worker(connect(&sandbox)).start().await.unwrap(), other.worker(connect(&sandbox)).start().await.unwrap());
    for number in 0..300 {
        let outbox = if number % 2 == 0 { &one } else { &other };
        let sale = Sale::new(format!("in_{number}"), 100, Currency::USD).customer_key("nobody");
        outbox.enqueue_alone(sale).await.unwrap();
    }
    let stats = wait_until(&one, |stats| stats.total() == 300 && stats.pending == 0).await;
    workers.0.shutdown().await.unwrap();
    workers.1.shutdown().await.unwrap();
    assert_eq!(stats.not_attributed, 300, "{stats:?}");
    assert_eq!(sandbox.requests().len(), 300, "each event is sent once");
}

/// The service fails, and the database stops and starts again. Then everything arrives, and no refund is uncertain.
///
/// Over a minute: the pauses of a worker grow in an outage, and each refund waits for the one before.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_unavailable_for_a_while() {
    let Some(server) = Postgres::start() else { return };
    let outbox = Outbox::postgres(server.pool().await);
    outbox.migrate().await.unwrap();
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    sandbox.inject(Fault::BadGateway.always());
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    for refund_id in ["re_1", "re_2"] {
        outbox.enqueue_alone(Refund::partial("in_1", 100).refund_id(refund_id)).await.unwrap();
    }
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let attempts = async || sandbox.requests().iter().filter(|r| r.call == Some(ApiCall::Lead)).count();
    let started = Instant::now();
    while attempts().await < 2 {
        assert!(started.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop();
    assert!(outbox.stats().await.is_err());
    // Longer than the worker waits for a response.
    tokio::time::sleep(Duration::from_secs(5)).await;
    server.start_process();
    sandbox.clear_faults();
    let pool = server.pool().await;
    let stats = wait_until_delivered(&outbox, &pool).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.recorded, stats.dead, stats.uncertain), (4, 0, 0), "{stats:?}");
}

/// Waits until no event is pending. Queries may fail meanwhile. Attempts that were running are rescued early.
async fn wait_until_delivered(outbox: &Outbox<sqlx::Postgres>, pool: &sqlx::PgPool) -> affitor_outbox::OutboxStats {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < Duration::from_secs(120));
        match outbox.stats().await {
            Ok(stats) if stats.pending == 0 => return stats,
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        let sql = "UPDATE affitor.river_job SET attempted_at = now() - interval '1 hour'
                   WHERE state = 'running' AND attempted_at < now() - interval '16 seconds'";
        sqlx::query(sql).execute(pool).await.unwrap();
    }
}

/// An event is enqueued a second time in a transaction that stays open: neither the worker nor the transaction waits for the other.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_in_an_open_transaction() {
    let Some(server) = Postgres::start() else { return };
    let outbox = Outbox::postgres(server.pool().await);
    outbox.migrate().await.unwrap();
    let sandbox = sandbox().start().await.unwrap();
    for id in ["in_1", "in_2"] {
        outbox.enqueue_alone(Sale::new(id, 100, Currency::USD).customer_key("nobody")).await.unwrap();
    }
    let mut open = Vec::new();
    for ids in [["in_1", "in_2"], ["in_2", "in_1"]] {
        let mut tx = outbox.begin().await.unwrap();
        for id in ids {
            let duplicate = Sale::new(id, 100, Currency::USD).customer_key("nobody");
            assert_eq!(outbox.enqueue(&mut tx, duplicate).await.unwrap(), affitor_outbox::Enqueued::Known);
        }
        open.push(tx);
    }
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    wait_until(&outbox, |stats| stats.not_attributed == 2).await;
    for tx in open {
        tx.commit().await.unwrap();
    }
    worker.shutdown().await.unwrap();
}

/// A worker stops even if it can't reach its database.
///
/// About 10 s: the worker waits for its database before it gives up.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_without_the_database() {
    let Some(server) = Postgres::start() else { return };
    let outbox = Outbox::postgres(server.pool().await);
    outbox.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let mut worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(200), worker.wait()).await.is_err(),
        "the worker must not stop by itself"
    );
    server.stop();
    let started = Instant::now();
    // It may return an error or not, since there was nothing to store.
    drop(worker.shutdown().await);
    assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
    server.start_process();
}
