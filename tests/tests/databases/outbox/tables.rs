//! The tables: created by a call or from printed SQL, concurrently, and with few privileges; and deleted rows in the statistics.

use affitor::Lead;
use affitor_outbox::{
    Database, Outbox,
    sqlx::{self, Executor, PgPool, SqlitePool, postgres::PgPoolOptions},
};
use affitor_tests::databases::{Postgres, open_sqlite, sqlite};

use crate::outbox::common::{Raw, Store, click, connect, sale, sandbox, scenarios, wait_until};

/// Returns the name and definition of everything in the database.
async fn sqlite_schema(pool: &SqlitePool) -> Vec<(String, Option<String>)> {
    sqlx::query_as("SELECT name, sql FROM sqlite_schema ORDER BY name").fetch_all(pool).await.unwrap()
}

/// Returns the name and definition of everything in the schema `affitor`.
async fn postgres_schema(pool: &PgPool) -> Vec<(String, String)> {
    let sql = "SELECT table_name || '.' || column_name, data_type || coalesce(column_default, '') || is_nullable
               FROM information_schema.columns WHERE table_schema = 'affitor'
               UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'affitor'
               UNION ALL SELECT trigger_name, action_statement FROM information_schema.triggers WHERE trigger_schema = 'affitor'
               UNION ALL SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'affitor'::regnamespace
               UNION ALL SELECT line, version::text FROM affitor.river_migration
               ORDER BY 1, 2";
    sqlx::query_as(sql).fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn printed_sql_creates_the_same_tables_on_sqlite() {
    let ((printed, _one), (called, _two)) = (sqlite().await, sqlite().await);
    let (from_sql, from_call) = (Outbox::sqlite(printed.clone()), Outbox::sqlite(called.clone()));
    from_call.migrate().await.unwrap();
    let sql = from_sql.migration_sql().await.unwrap();
    assert_eq!(sqlite_schema(&printed).await, [], "the SQL is printed, not run");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&printed).await.unwrap();
    assert_eq!(from_sql.migration_sql().await.unwrap(), "");
    from_sql.migrate().await.unwrap();
    assert_eq!(sqlite_schema(&printed).await, sqlite_schema(&called).await);
}

#[tokio::test]
async fn printed_sql_creates_the_same_tables_on_postgres() {
    let (Some(printed), Some(called)) = (Postgres::start(), Postgres::start()) else { return };
    let (printed, called) = (printed.pool().await, called.pool().await);
    let (from_sql, from_call) = (Outbox::postgres(printed.clone()), Outbox::postgres(called.clone()));
    from_call.migrate().await.unwrap();
    let sql = from_sql.migration_sql().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&printed).await.unwrap();
    assert_eq!(from_sql.migration_sql().await.unwrap(), "");
    from_sql.migrate().await.unwrap();
    assert_eq!(postgres_schema(&printed).await, postgres_schema(&called).await);
}

async fn migrate_concurrently<DB: Database>(outboxes: Vec<Outbox<DB>>) {
    let tasks: Vec<_> =
        outboxes.into_iter().map(|outbox| tokio::spawn(async move { outbox.migrate().await })).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_first_starts() {
    let folder = affitor_tests::databases::folder();
    let mut outboxes = Vec::new();
    for _ in 0..8 {
        outboxes.push(Outbox::sqlite(open_sqlite(&folder.path().join("shop.sqlite3")).await));
    }
    migrate_concurrently(outboxes).await;
    let Some(server) = Postgres::start() else { return };
    let mut outboxes = Vec::new();
    for _ in 0..8 {
        let pool = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
        outboxes.push(Outbox::postgres(pool));
    }
    migrate_concurrently(outboxes).await;
}

/// The privileges that the README lists suffice for an app that can't create tables.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_cannot_create_tables() {
    let Some(server) = Postgres::start() else { return };
    let owner = server.pool().await;
    let outbox = Outbox::postgres(owner.clone());
    outbox.migrate().await.unwrap();
    owner
        .execute(
            "REVOKE CREATE ON DATABASE postgres FROM PUBLIC;
             CREATE ROLE shop LOGIN;
             GRANT USAGE ON SCHEMA affitor TO shop;
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA affitor TO shop;
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA affitor TO shop;",
        )
        .await
        .unwrap();
    let url = server.url().replace("postgres@", "shop@");
    let outbox = Outbox::postgres(PgPool::connect(&url).await.unwrap());
    outbox.migrate().await.unwrap();
    let sandbox = sandbox().start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_7").click_id(click(&sandbox).await)).await.unwrap();
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    assert_eq!(wait_until(&outbox, |stats| stats.pending == 0).await.recorded, 1);
    worker.shutdown().await.unwrap();
}

async fn statistics_include_deleted_rows<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_7").click_id(click(&sandbox).await)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    let mut big = sale("in_big");
    big.amount_cents = u64::MAX;
    outbox.enqueue_alone(big).await.unwrap();
    let before = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((before.total(), before.recorded, before.dead), (3, 2, 1), "{before:?}");
    // As River's cleaner does.
    assert_eq!(store.raw("DELETE FROM JOBS WHERE state = 'completed'").await, 2);
    assert_eq!(outbox.stats().await.unwrap(), before);
    // As a person might.
    assert_eq!(store.raw("DELETE FROM JOBS WHERE state = 'discarded'").await, 1);
    let after = outbox.stats().await.unwrap();
    assert_eq!((after.recorded, after.dead, after.discarded), (2, 0, 1), "deleting a dead letter discards it");
    outbox.enqueue_alone(sale("in_2")).await.unwrap();
    assert_eq!(store.raw("DELETE FROM JOBS").await, 1);
    let after = outbox.stats().await.unwrap();
    assert_eq!((after.total(), after.discarded, after.pending), (4, 2, 0), "{after:?}");
}

scenarios! { statistics_include_deleted_rows }
