//! Tests of upgrades: tables of the previous version, with rows in every state, are migrated to the next one, whose worker delivers
//! them. There is one version so far, so the next one is invented. A real one replaces [`NEXT_SQLITE`] and [`NEXT_POSTGRES`].

use affitor::{Client, Currency, Sale};
use affitor_sandbox::Sandbox;
use riverqueue::sqlx::{self, AssertSqlSafe};

use crate::{
    Database, Outbox,
    databases::{Postgres, sqlite},
};

const NEXT_SQLITE: &str = "
    CREATE INDEX affitor_next ON river_job (created_at) WHERE kind = 'affitor_event';
    UPDATE river_job SET metadata = jsonb_set(metadata, '$.affitor.next', 2) WHERE kind = 'affitor_event'";

const NEXT_POSTGRES: &str = "
    CREATE INDEX affitor_next ON affitor.river_job (created_at) WHERE kind = 'affitor_event';
    UPDATE affitor.river_job SET metadata = jsonb_set(metadata, '{affitor}', coalesce(metadata -> 'affitor', '{}') || '{\"next\": 2}')
      WHERE kind = 'affitor_event'";

/// The states of a row, and the columns that belong to them.
const STATES: [(&str, &str); 8] = [
    ("available", ""),
    ("pending", ", scheduled_at = AGO"),
    ("retryable", ", attempt = 1, scheduled_at = AGO"),
    ("scheduled", ", scheduled_at = AGO"),
    ("running", ", attempt = 1, attempted_at = AGO"),
    ("completed", ", finalized_at = AGO"),
    ("cancelled", ", finalized_at = AGO"),
    ("discarded", ", finalized_at = AGO"),
];

fn client(sandbox: &Sandbox) -> Client {
    Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap()
}

/// The same outbox in the next version of this crate.
fn next_version<DB: Database>(outbox: &Outbox<DB>, migration: &str) -> Outbox<DB> {
    let mut next = outbox.clone();
    next.store.migrations = next.store.migrations.iter().cloned().chain([migration.to_owned()]).collect();
    next
}

/// Runs SQL with the table and a time in the past filled in.
trait Run: Database {
    async fn run_sql(outbox: &Outbox<Self>, sql: &str) -> u64;
}

impl Run for sqlx::Sqlite {
    async fn run_sql(outbox: &Outbox<Self>, sql: &str) -> u64 {
        let sql = sql.replace("JOBS", "river_job").replace("AGO", "datetime('now', '-10 minutes')");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&outbox.store.pool).await.unwrap().rows_affected()
    }
}

impl Run for sqlx::Postgres {
    async fn run_sql(outbox: &Outbox<Self>, sql: &str) -> u64 {
        let sql = sql.replace("JOBS", "affitor.river_job").replace("AGO", "now() - interval '10 minutes'");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&outbox.store.pool).await.unwrap().rows_affected()
    }
}

async fn upgrade<DB: Run>(previous: Outbox<DB>, migration: &str) {
    previous.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    for (number, (state, columns)) in STATES.iter().enumerate() {
        let sale = Sale::new(format!("in_{number}"), 100, Currency::USD).customer_key("nobody");
        previous.enqueue_alone(sale).await.unwrap();
        let sql = format!("UPDATE JOBS SET state = '{state}'{columns} WHERE id = (SELECT max(id) FROM JOBS)");
        assert_eq!(DB::run_sql(&previous, &sql).await, 1);
    }
    let before = previous.stats().await.unwrap();
    assert_eq!((before.pending, before.dead, before.discarded, before.total()), (5, 1, 1, 8), "{before:?}");

    // A worker of the next version does not touch the tables of the previous one.
    let next = next_version(&previous, migration);
    assert!(next.worker(client(&sandbox)).start().await.unwrap_err().is_not_migrated());
    assert!(next.migration_sql().await.unwrap().contains("affitor_next"));
    next.migrate().await.unwrap();
    assert_eq!(next.migration_sql().await.unwrap(), "");
    assert_eq!(next.stats().await.unwrap(), before);

    // A worker of the previous version that meets the new tables says what to do. Its app can still enqueue.
    for error in [
        previous.worker(client(&sandbox)).start().await.unwrap_err(),
        previous.migrate().await.unwrap_err(),
        previous.migration_sql().await.unwrap_err(),
    ] {
        assert!(error.is_newer_version() && error.to_string().contains("update affitor-outbox"), "{error}");
    }
    let sale = Sale::new("in_8", 100, Currency::USD).customer_key("nobody");
    previous.enqueue_alone(sale).await.unwrap();

    let worker = next.worker(client(&sandbox)).start().await.unwrap();
    // River promotes no pending rows, because it makes none without its extensions.
    assert_eq!(DB::run_sql(&next, "UPDATE JOBS SET state = 'available' WHERE state = 'pending'").await, 1);
    let delivered = async {
        while next.stats().await.unwrap().pending > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), delivered).await.unwrap();
    worker.shutdown().await.unwrap();
    let dead = next.dead(10).await.unwrap();
    assert!(next.replay(dead[0].id).await.unwrap());
    let after = next.stats().await.unwrap();
    assert_eq!((after.not_attributed, after.pending, after.total()), (6, 1, 9), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let (pool, _folder) = sqlite().await;
    upgrade(Outbox::sqlite(pool), NEXT_SQLITE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let Some(server) = Postgres::start() else { return };
    upgrade(Outbox::postgres(server.pool().await), NEXT_POSTGRES).await;
}
