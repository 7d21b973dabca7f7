//! Durable delivery in one call.

use std::time::Duration;

use affitor::{Client, Lead, test_util::RecordingSink};
use affitor_outbox::{
    Enqueued, Outbox,
    sqlx::{self, SqlitePool, sqlite::SqliteConnectOptions},
};

use crate::outbox::common::{connect, sale, sandbox, wait_until};

const LIMIT: Duration = Duration::from_secs(8);

/// A pool of a file that does not exist yet.
fn new_file(folder: &tempfile::TempDir) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(folder.path().join("shop.sqlite3")).create_if_missing(true);
    SqlitePool::connect_lazy_with(options)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_creates_delivers_and_ends() {
    let (folder, sandbox) = (tempfile::tempdir().unwrap(), sandbox().start().await.unwrap());
    let client = connect(&sandbox);
    let running = Outbox::sqlite(new_file(&folder)).start(client).await.unwrap();
    running.client().enqueue(Lead::new("user_7").click_id(crate::outbox::common::click(&sandbox).await));
    wait_until(running.outbox(), |stats| stats.recorded == 1).await;
    let mut tx = running.outbox().begin().await.unwrap();
    running.outbox().enqueue(&mut tx, sale("in_1")).await.unwrap();
    tx.commit().await.unwrap();
    wait_until(running.outbox(), |stats| stats.recorded == 2).await;
    // Accepted just before the end, so it is stored, but perhaps not delivered.
    running.client().enqueue(sale("in_2"));
    running.shutdown(LIMIT).await;
    assert_eq!(running.client().try_enqueue(sale("in_3")).unwrap_err().to_string(), "the queue is closed");
    let stats = running.outbox().stats().await.unwrap();
    assert_eq!((stats.total(), stats.dead), (3, 0), "{stats:?}");

    // The next start finds the tables, and delivers the rest.
    let running = Outbox::sqlite(new_file(&folder)).start(connect(&sandbox)).without_migration().await.unwrap();
    wait_until(running.outbox(), |stats| stats.recorded == 3).await;
    running.client().shutdown(LIMIT).await; // the same as `running.shutdown`
    assert_eq!(sandbox.sales().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_can_be_left_out() {
    let (folder, sandbox) = (tempfile::tempdir().unwrap(), sandbox().start().await.unwrap());
    let error = Outbox::sqlite(new_file(&folder)).start(connect(&sandbox)).without_migration().await.unwrap_err();
    assert!(error.is_not_migrated(), "{error}");
    let running = Outbox::sqlite(new_file(&folder)).start(connect(&sandbox)).without_worker().await.unwrap();
    running.client().enqueue(Lead::new("user_7"));
    running.shutdown(LIMIT).await;
    assert_eq!(running.outbox().stats().await.unwrap().pending, 1);
    assert!(sandbox.leads().is_empty());
}

/// An app without settings: the handlers are the same, and nothing touches the database.
#[tokio::test]
async fn a_disabled_client_disables_the_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let running = Outbox::sqlite(new_file(&folder)).start(Client::disabled()).await.unwrap();
    assert!(running.outbox().is_disabled() && running.client().is_disabled());
    assert!(!folder.path().join("shop.sqlite3").exists());
    running.client().enqueue(Lead::new("user_7"));
    let mut tx = running.outbox().begin().await.unwrap();
    assert_eq!(running.outbox().enqueue(&mut tx, sale("in_1")).await.unwrap(), Enqueued::Disabled);
    assert!(running.outbox().enqueue(&mut tx, sale("")).await.unwrap_err().is_invalid(), "events are still checked");
    tx.commit().await.unwrap();
    running.shutdown(LIMIT).await;
    let error = running.outbox().worker(Client::disabled()).start().await.unwrap_err();
    assert!(error.is_not_migrated(), "{error}");
}

/// In a test of an app, what its transactions enqueue is in the database, and its client records.
#[tokio::test]
async fn a_client_that_records_has_no_worker() {
    let folder = tempfile::tempdir().unwrap();
    let events = RecordingSink::new();
    let running = Outbox::sqlite(new_file(&folder)).start(events.client()).await.unwrap();
    running.client().enqueue(Lead::new("user_7"));
    running.outbox().enqueue_alone(sale("in_1")).await.unwrap();
    let _ = events.assert_lead("user_7");
    assert_eq!(running.outbox().stats().await.unwrap().pending, 1);
    let error = running.outbox().worker(events.client()).start().await.unwrap_err().to_string();
    assert!(error.contains("it is disabled, or it records events for a test"), "{error}");
}

/// Without tables, or with an event that can't be stored, the app's own statements commit.
async fn an_error_ends_at_the_savepoint<DB: affitor_outbox::Database>(
    outbox: &Outbox<DB>,
    execute: impl AsyncFn(&mut sqlx::Transaction<'static, DB>, &'static str),
    count: impl AsyncFn() -> i64,
) {
    let mut tx = outbox.begin().await.unwrap();
    execute(&mut tx, "CREATE TABLE users (id integer)").await;
    outbox.enqueue_or_log(&mut tx, Lead::new("user_7")).await;
    execute(&mut tx, "INSERT INTO users (id) VALUES (7)").await;
    outbox.enqueue_or_log(&mut tx, sale("")).await;
    tx.commit().await.unwrap();
    assert_eq!(count().await, 1);

    outbox.migrate().await.unwrap();
    let mut tx = outbox.begin().await.unwrap();
    outbox.enqueue_or_log(&mut tx, Lead::new("user_8")).await;
    tx.commit().await.unwrap();
    let mut tx = outbox.begin().await.unwrap();
    outbox.enqueue_or_log(&mut tx, Lead::new("user_9")).await;
    tx.rollback().await.unwrap();
    assert_eq!(outbox.stats().await.unwrap().pending, 1);
}

#[tokio::test]
async fn an_error_can_not_fail_a_sign_up() {
    const COUNT: &str = "SELECT count(*) FROM users";
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let execute = async |tx: &mut sqlx::Transaction<'static, sqlx::Sqlite>, sql| {
        sqlx::query(sql).execute(&mut **tx).await.unwrap();
    };
    let count = async || sqlx::query_scalar(COUNT).fetch_one(&pool).await.unwrap();
    an_error_ends_at_the_savepoint(&Outbox::sqlite(pool.clone()), execute, count).await;

    let Some(server) = affitor_tests::databases::Postgres::start() else { return };
    let pool = server.pool().await;
    let execute = async |tx: &mut sqlx::Transaction<'static, sqlx::Postgres>, sql| {
        sqlx::query(sql).execute(&mut **tx).await.unwrap();
    };
    let count = async || sqlx::query_scalar(COUNT).fetch_one(&pool).await.unwrap();
    an_error_ends_at_the_savepoint(&Outbox::postgres(pool.clone()), execute, count).await;
}
