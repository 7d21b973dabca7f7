//! What goes wrong around an outbox: its disk, its clock, its database, its many dead letters.

use std::time::{Duration, Instant};

use affitor::{Currency, Lead, Refund, Sale};
use affitor_outbox::{
    Outbox,
    sqlx::{self, SqlitePool, sqlite::SqlitePoolOptions},
};
use affitor_sandbox::{ApiCall, Fault, Sandbox};
use affitor_tests::databases::{Postgres, open_sqlite, sqlite};

use crate::common::{Raw, Store, builder, click, sale, sandbox, scenarios, until};

/// The shop's own table, to compare with.
async fn orders(pool: &SqlitePool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(pool).await.unwrap()
}

/// SQLite's own limit ends as a full disk does: with SQLITE_FULL.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk() {
    let (pool, folder) = sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    outbox.migrate().await.unwrap();
    sqlx::query("CREATE TABLE orders (id text PRIMARY KEY)").execute(&pool).await.unwrap();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&pool).await.unwrap();
    let options = (*pool.connect_options()).clone().pragma("max_page_count", (pages + 20).to_string());
    pool.close().await;
    let full = SqlitePoolOptions::new().max_connections(5).connect_with(options).await.unwrap();
    let outbox = Outbox::sqlite(full.clone()).unwrap();

    let (sandbox, mut taken) = (sandbox().start().await.unwrap(), 0);
    let error = loop {
        assert!(taken < 10_000, "the disk is never full");
        let id = format!("in_{taken}");
        let mut tx = outbox.begin().await.unwrap();
        sqlx::query("INSERT INTO orders (id) VALUES ($1)").bind(&id).execute(&mut *tx).await.unwrap();
        match outbox.enqueue(&mut tx, Sale::new(&id, 100, Currency::USD).customer_key("nobody")).await {
            Ok(_) => tx.commit().await.unwrap(),
            Err(error) => {
                tx.rollback().await.ok();
                break error;
            }
        }
        taken += 1;
    };
    assert!(error.is_database() && error.to_string().contains("full"), "{error}");
    assert_eq!(outbox.stats().await.unwrap().enqueued, taken, "order and event, or neither");
    assert_eq!(orders(&full).await.unsigned_abs(), taken);
    // A worker may get at a few events, and may not be able to write down what it has sent.
    if let Ok(worker) = outbox.worker(builder(&sandbox)).start().await {
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
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    // As if their minute were over.
    sqlx::query("UPDATE river_job SET attempted_at = datetime('now', '-10 minutes') WHERE state = 'running'")
        .execute(&pool)
        .await
        .unwrap();
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(&outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.enqueued, books.not_attributed), (taken, taken), "{books:?}");
}

/// A clock that went forward and came back has left times that are days away.
async fn a_clock_that_jumps<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_7").click_id(click(&sandbox).await)).await.unwrap();
    for id in ["in_1", "in_2", "in_3"] {
        let customer = if id == "in_1" { "user_7" } else { "nobody" };
        outbox.enqueue_alone(Sale::new(id, 100, Currency::USD).customer_key(customer)).await.unwrap();
    }
    // The lead was tried there, and waits for days; the second sale's sender died there; the third was put off on purpose.
    for (set, row) in [
        (
            r#"state = 'scheduled', scheduled_at = AT('+3 days'), created_at = AT('+3 days'),
               metadata = JSON('{"snoozes": 4, "affitor_unknown_since": 4102444800}')"#,
            0,
        ),
        ("state = 'running', attempt = 1, attempted_at = AT('+3 days')", 2),
        ("state = 'scheduled', scheduled_at = AT('+3 days')", 3),
    ] {
        let sql = format!("UPDATE JOBS SET {set} WHERE id = (SELECT min(id) FROM JOBS) + {row}");
        assert_eq!(store.raw(&sql).await, 1, "{sql}");
    }
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(outbox, |books| books.pending == 2).await;
    assert_eq!(books.recorded, 2, "{books:?}");
    let rescued =
        "UPDATE JOBS SET attempted_at = AT('-10 minutes') WHERE state = 'running' AND attempted_at < AT('+1 hour')";
    assert_eq!(store.raw(rescued).await, 1, "the rest of its minute is not awaited here");
    let books = until(outbox, |books| books.pending == 1).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.recorded, books.not_attributed), (2, 1), "what was put off on purpose stays so: {books:?}");
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
             JSON('{{"output": {{"outcome": "dead", "reason": "rejected", "words": "no"}}}}') FROM number"#
    );
    assert_eq!(store.raw(&sql).await, DEAD as u64);
    // A dead forerunner blocks nothing.
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(outbox, |books| books.pending == 0).await;
    assert_eq!((books.recorded, books.rejected), (3, DEAD as u64), "{books:?}");

    let (mut ids, mut last) = (Vec::new(), i64::MIN);
    loop {
        let page = outbox.dead_after(last, 999).await.unwrap();
        let Some(end) = page.last() else { break };
        last = end.id;
        ids.extend(page.iter().map(|letter| letter.id));
    }
    assert_eq!(ids.len(), DEAD);
    assert!(ids.is_sorted());
    for id in &ids[..5] {
        assert!(outbox.discard(*id).await.unwrap());
    }
    // Two people decide at a time: one of them does it.
    let replays = ids[5..10].iter().map(|id| async move {
        let both = tokio::join!(outbox.replay(*id), outbox.replay(*id));
        u32::from(both.0.unwrap()) + u32::from(both.1.unwrap())
    });
    for replayed in replays {
        assert_eq!(replayed.await, 1);
    }
    let books = until(outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.discarded, books.rejected), (5, DEAD as u64 - 10), "{books:?}");
    assert_eq!((books.recorded, books.already_recorded), (3, 5), "the refund was done before: {books:?}");
}

scenarios! { a_clock_that_jumps ten_thousand_dead_letters }

/// Two processes with a worker each, as far as SQLite is concerned.
#[tokio::test(flavor = "multi_thread")]
async fn two_workers_on_one_sqlite_file() {
    let (pool, folder) = sqlite().await;
    let one = Outbox::sqlite(pool).unwrap();
    one.migrate().await.unwrap();
    let other = Outbox::sqlite(open_sqlite(&folder.path().join("shop.sqlite3")).await).unwrap();
    let sandbox = sandbox().start().await.unwrap();
    let workers =
        (one.worker(builder(&sandbox)).start().await.unwrap(), other.worker(builder(&sandbox)).start().await.unwrap());
    for number in 0..300 {
        let outbox = if number % 2 == 0 { &one } else { &other };
        let sale = Sale::new(format!("in_{number}"), 100, Currency::USD).customer_key("nobody");
        outbox.enqueue_alone(sale).await.unwrap();
    }
    let books = until(&one, |books| books.enqueued == 300 && books.pending == 0).await;
    workers.0.shutdown().await.unwrap();
    workers.1.shutdown().await.unwrap();
    assert_eq!(books.not_attributed, 300, "{books:?}");
    assert_eq!(sandbox.requests().len(), 300, "each is sent once");
}

/// The service fails for the lead; the database goes and comes; then everything arrives, and no refund is in doubt.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_for_a_while() {
    let Some(server) = Postgres::start() else { return };
    let outbox = Outbox::postgres(server.pool().await).unwrap();
    outbox.migrate().await.unwrap();
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    sandbox.inject(Fault::BadGateway.always());
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    for refund_id in ["re_1", "re_2"] {
        outbox.enqueue_alone(Refund::partial("in_1", 100).refund_id(refund_id)).await.unwrap();
    }
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let tried = async || sandbox.requests().iter().filter(|r| r.call == Some(ApiCall::Lead)).count();
    let began = Instant::now();
    while tried().await < 2 {
        assert!(began.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop();
    assert!(outbox.stats().await.is_err());
    // Longer than the worker waits for an answer.
    tokio::time::sleep(Duration::from_secs(5)).await;
    server.begin();
    sandbox.clear_faults();
    let pool = server.pool().await;
    let books = until_answered(&outbox, &pool).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.recorded, books.rejected, books.uncertain), (4, 0, 0), "{books:?}");
}

/// Until nothing is pending; a question may fail. What was under way is rescued as if its minute were over.
async fn until_answered(outbox: &Outbox<sqlx::Postgres>, pool: &sqlx::PgPool) -> affitor_outbox::OutboxStats {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(120));
        match outbox.stats().await {
            Ok(books) if books.pending == 0 => return books,
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        let sql = "UPDATE affitor.river_job SET attempted_at = now() - interval '1 hour'
                   WHERE state = 'running' AND attempted_at < now() - interval '16 seconds'";
        sqlx::query(sql).execute(pool).await.unwrap();
    }
}

/// A webhook that is delivered twice, in a transaction that is left open: neither does the worker wait for it, nor it for the worker.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_in_an_open_transaction() {
    let Some(server) = Postgres::start() else { return };
    let outbox = Outbox::postgres(server.pool().await).unwrap();
    outbox.migrate().await.unwrap();
    let sandbox = sandbox().start().await.unwrap();
    for id in ["in_1", "in_2"] {
        outbox.enqueue_alone(Sale::new(id, 100, Currency::USD).customer_key("nobody")).await.unwrap();
    }
    let mut open = Vec::new();
    for ids in [["in_1", "in_2"], ["in_2", "in_1"]] {
        let mut tx = outbox.begin().await.unwrap();
        for id in ids {
            let again = Sale::new(id, 100, Currency::USD).customer_key("nobody");
            assert_eq!(outbox.enqueue(&mut tx, again).await.unwrap(), affitor_outbox::Enqueued::Known);
        }
        open.push(tx);
    }
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    until(&outbox, |books| books.not_attributed == 2).await;
    for tx in open {
        tx.commit().await.unwrap();
    }
    worker.shutdown().await.unwrap();
}

/// A worker that can't say goodbye to its database ends all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_without_the_database() {
    let Some(server) = Postgres::start() else { return };
    let outbox = Outbox::postgres(server.pool().await).unwrap();
    outbox.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let mut worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(200), worker.wait()).await.is_err(),
        "it does not stop by itself"
    );
    server.stop();
    let began = Instant::now();
    // With an error of its database, or without: it had nothing to write.
    drop(worker.shutdown().await);
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    server.begin();
}
