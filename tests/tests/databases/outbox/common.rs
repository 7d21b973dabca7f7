//! Shared parts of the outbox tests.

use std::time::{Duration, Instant};

use affitor::{Click, Client, ClientBuilder, Currency, Sale};
use affitor_outbox::{Database, EventStatement, Outbox, OutboxStats, sqlx};
use affitor_sandbox::{Interpretations, Sandbox, SandboxBuilder, SecondRefund};

pub(crate) fn builder(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url())
}

pub(crate) fn connect(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().unwrap()
}

pub(crate) fn sandbox() -> SandboxBuilder {
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = SecondRefund::Taken;
    Sandbox::builder().interpretations(interpretations)
}

pub(crate) async fn click(sandbox: &Sandbox) -> affitor::ClickId {
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = connect(sandbox).track_click(Click::landing(landing)).await.unwrap();
    click.click_id().unwrap().clone()
}

pub(crate) fn sale(id: &str) -> Sale {
    Sale::new(id, 4_900, Currency::USD).customer_key("user_7")
}

/// Changes the amount of a sale.
pub(crate) trait Amount {
    fn amount(self, cents: u64) -> Self;
}

impl Amount for Sale {
    fn amount(mut self, cents: u64) -> Self {
        self.amount_cents = cents;
        self
    }
}

/// Waits until the statistics satisfy a condition.
pub(crate) async fn wait_until<DB: Database>(
    outbox: &Outbox<DB>,
    condition: impl Fn(&OutboxStats) -> bool,
) -> OutboxStats {
    let started = Instant::now();
    loop {
        let stats = outbox.stats().await.unwrap();
        if condition(&stats) {
            return stats;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{stats:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An outbox and its database.
pub(crate) struct Store<DB: Raw> {
    pub(crate) outbox: Outbox<DB>,
    pub(crate) pool: sqlx::Pool<DB>,
}

/// Runs raw SQL. In it, `JOBS` stands for the outbox's table, `AFFITOR_` begins the name of another one, `AT('+2 days')` for a time relative to now, and `JSON('…')` for a JSON
/// value.
pub(crate) trait Raw: Database {
    /// Runs the statement. Returns the number of affected rows.
    async fn try_raw(pool: &sqlx::Pool<Self>, sql: &str) -> Result<u64, sqlx::Error>;

    /// Executes a statement that enqueues an event. Returns the number of inserted rows.
    async fn execute(pool: &sqlx::Pool<Self>, statement: &EventStatement) -> u64;

    /// The metadata with the times in the history moved back by `SECONDS`.
    const HISTORY_MOVED_BACK: &str;

    /// All columns that contain text, as one text.
    const ALL_COLUMNS: &str;

    /// SQL that makes the database reject events of the customer `refused`.
    const REFUSE: &str;
}

impl Raw for sqlx::Sqlite {
    const HISTORY_MOVED_BACK: &str = "jsonb_patch(metadata, jsonb_object('affitor', jsonb_object(
        'failing_since', json_extract(metadata, '$.affitor.failing_since') - SECONDS,
        'failed_at', json_extract(metadata, '$.affitor.failed_at') - SECONDS)))";

    const ALL_COLUMNS: &str = "json(args) || json(metadata) || coalesce(json(errors), '') || coalesce(CAST(unique_key AS text), '') || json(tags)";

    async fn execute(pool: &sqlx::SqlitePool, statement: &EventStatement) -> u64 {
        let [queue, args, key] = statement.parameters();
        let sql = sqlx::AssertSqlSafe(statement.sql());
        sqlx::query(sql).bind(queue).bind(args).bind(key).execute(pool).await.unwrap().rows_affected()
    }

    const REFUSE: &str = "CREATE TRIGGER refuse BEFORE INSERT ON river_job
        WHEN json_extract(NEW.args, '$.event.customer_key') = 'refused' BEGIN SELECT RAISE(ABORT, 'no'); END";

    /// Runs the statement. Returns the number of affected rows.
    async fn try_raw(pool: &sqlx::SqlitePool, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = sql
            .replace("JOBS", "river_job")
            .replace("AFFITOR_", "affitor_")
            .replace(" AT(", " datetime('now', ")
            .replace("JSON(", "jsonb(")
            .replace("JSON_TEXT", "json(args)");
        Ok(sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await?.rows_affected())
    }
}

impl Raw for sqlx::Postgres {
    const HISTORY_MOVED_BACK: &str =
        "jsonb_set(metadata, '{affitor}', jsonb_strip_nulls(coalesce(metadata -> 'affitor', '{}')
        || jsonb_build_object(
          'failing_since', CAST(metadata -> 'affitor' ->> 'failing_since' AS bigint) - SECONDS,
          'failed_at', CAST(metadata -> 'affitor' ->> 'failed_at' AS bigint) - SECONDS)))";

    const ALL_COLUMNS: &str =
        "args::text || metadata::text || coalesce(errors::text, '') || coalesce(convert_from(unique_key, 'UTF8'), '')";

    async fn execute(pool: &sqlx::PgPool, statement: &EventStatement) -> u64 {
        let [queue, args, key] = statement.parameters();
        let sql = sqlx::AssertSqlSafe(statement.sql());
        sqlx::query(sql).bind(queue).bind(args).bind(key).execute(pool).await.unwrap().rows_affected()
    }

    const REFUSE: &str =
        "ALTER TABLE affitor.river_job ADD CONSTRAINT refuse CHECK (args -> 'event' ->> 'customer_key' <> 'refused')";

    /// Runs the statement. Returns the number of affected rows.
    async fn try_raw(pool: &sqlx::PgPool, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = sql
            .replace("JOBS", "affitor.river_job")
            .replace("AFFITOR_", "affitor.affitor_")
            .replace(" AT(", " (now() + interval ")
            .replace("JSON('", "(jsonb '")
            .replace("JSON_TEXT", "args");
        Ok(sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await?.rows_affected())
    }
}

impl<DB: Raw> Store<DB> {
    pub(crate) async fn raw(&self, sql: &str) -> u64 {
        DB::try_raw(&self.pool, sql).await.unwrap()
    }
}

/// Defines a test on SQLite and a test on Postgres for each scenario, each with a new outbox.
macro_rules! scenarios {
    ($($name:ident)*) => {
        mod sqlite {
            use crate::outbox::common::Store;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let (pool, _folder) = affitor_tests::databases::sqlite().await;
                    let outbox = affitor_outbox::Outbox::sqlite(pool.clone());
                    outbox.migrate().await.unwrap();
                    super::$name(Store { outbox, pool }).await;
                }
            )*
        }

        mod postgres {
            use crate::outbox::common::Store;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let Some(server) = affitor_tests::databases::Postgres::start() else { return };
                    let pool = server.pool().await;
                    let outbox = affitor_outbox::Outbox::postgres(pool.clone());
                    outbox.migrate().await.unwrap();
                    super::$name(Store { outbox, pool }).await;
                }
            )*
        }
    };
}

pub(crate) use scenarios;
