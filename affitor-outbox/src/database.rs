//! The two databases: what differs between them is SQL.

use std::future::Future;

use affitor::Event;
use riverqueue::{Client, InsertRequest, sqlx};

use crate::{Error, delivery::Delivery};

/// A database that the outbox can be in: [`sqlx::Sqlite`] (feature `sqlite`) or [`sqlx::Postgres`] (feature `postgres`).
pub trait Database: sealed::Dialect {}

/// In a job's metadata: when a person has replayed it, in seconds of Unix time.
pub(crate) const REPLAYED_AT: &str = "affitor_replayed_at";

/// A row of the outbox.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: i64,
    pub event: String,
    pub output: String,
    pub created_at: f64,
}

mod sealed {
    use super::*;

    /// What differs between the databases.
    pub trait Dialect: sqlx::Database {
        /// Puts a delivery into the app's transaction.
        fn insert_in<'r>(
            request: InsertRequest<'r, Delivery>,
            tx: &'r mut sqlx::Transaction<'_, Self>,
        ) -> InsertRequest<'r, Delivery>;

        fn migrate(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<(), Error>> + Send;

        fn client(pool: &sqlx::Pool<Self>) -> Result<riverqueue::ClientBuilder, Error>;

        fn begin(
            pool: &sqlx::Pool<Self>,
        ) -> impl Future<Output = Result<sqlx::Transaction<'static, Self>, Error>> + Send;

        /// Whether an event that must arrive first is still pending: of any age, or older than `before`.
        fn is_forerun(
            pool: &sqlx::Pool<Self>,
            event: &Event,
            before: i64,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// A kind of job that is not the outbox's.
        fn foreign_kind(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<Option<String>, Error>> + Send;

        /// Counts jobs by state and outcome.
        fn counts(
            pool: &sqlx::Pool<Self>,
        ) -> impl Future<Output = Result<Vec<(String, String, i64, i64)>, Error>> + Send;

        /// Dead letters, oldest first.
        fn dead(pool: &sqlx::Pool<Self>, limit: i64) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

        /// A person has decided that a dead letter is done with; `false` where there is none.
        fn discard(pool: &sqlx::Pool<Self>, id: i64) -> impl Future<Output = Result<bool, Error>> + Send;

        /// A person has decided that a dead letter is sent again; `false` where there is none. What may have arrived of a
        /// refund is forgotten with that, and of a sale is not.
        fn replay(
            pool: &sqlx::Pool<Self>,
            client: &Client,
            id: i64,
            now: i64,
        ) -> impl Future<Output = Result<bool, Error>> + Send;
    }
}

/// What an event has to wait for: a lead of this customer or click, a sale of this transaction.
struct Forerunner<'e> {
    kind: &'static str,
    customer_key: Option<&'e str>,
    click_id: Option<&'e str>,
    transaction_id: Option<&'e str>,
}

impl<'e> Forerunner<'e> {
    fn of(event: &'e Event) -> Option<Self> {
        match event {
            Event::Sale(sale) => Some(Self {
                kind: "lead",
                customer_key: sale.customer_key.as_deref(),
                click_id: sale.click_id.as_ref().map(affitor::ClickId::as_str),
                transaction_id: None,
            }),
            Event::Refund(refund) => Some(Self {
                kind: "sale",
                customer_key: None,
                click_id: None,
                transaction_id: Some(&refund.transaction_id),
            }),
            _ => None,
        }
    }
}

/// The states of what is not delivered yet.
macro_rules! pending {
    () => {
        "kind = 'affitor_event' AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')"
    };
}

macro_rules! index {
    ($table:literal, $field:ident, $name:tt) => {
        concat!(
            "CREATE INDEX IF NOT EXISTS affitor_pending_",
            $name,
            " ON ",
            $table,
            " (",
            $field!($name),
            ") WHERE ",
            pending!()
        )
    };
}

macro_rules! dialect {
    (
        $database:ty, table: $table:literal, field: $field:ident, output: $output:ident, seconds: $seconds:literal,
        without: $without:ident, replayed: $replayed:ident, migrate: $migrate:expr, client: $client:expr, begin: $begin:expr
    ) => {
        impl Database for $database {}

        impl sealed::Dialect for $database {
            fn insert_in<'r>(
                request: InsertRequest<'r, Delivery>,
                tx: &'r mut sqlx::Transaction<'_, Self>,
            ) -> InsertRequest<'r, Delivery> {
                request.tx(tx)
            }

            async fn migrate(pool: &sqlx::Pool<Self>) -> Result<(), Error> {
                $migrate(pool.clone()).await?;
                // What a worker asks for: pending events of a customer, a click, a transaction.
                for index in [
                    index!($table, $field, "customer_key"),
                    index!($table, $field, "click_id"),
                    index!($table, $field, "transaction_id"),
                ] {
                    sqlx::query(index).execute(pool).await?;
                }
                Ok(())
            }

            fn client(pool: &sqlx::Pool<Self>) -> Result<riverqueue::ClientBuilder, Error> {
                $client(pool.clone())
            }

            async fn begin(pool: &sqlx::Pool<Self>) -> Result<sqlx::Transaction<'static, Self>, Error> {
                Ok($begin(pool).await?)
            }

            async fn is_forerun(pool: &sqlx::Pool<Self>, event: &Event, before: i64) -> Result<bool, Error> {
                let Some(Forerunner { kind, customer_key, click_id, transaction_id }) = Forerunner::of(event) else {
                    return Ok(false);
                };
                let sql = concat!(
                    "SELECT count(*) FROM (SELECT 1 FROM ",
                    $table,
                    " WHERE ",
                    pending!(),
                    " AND id < $1 AND ",
                    $field!("type"),
                    " = $2 AND (",
                    $field!("customer_key"),
                    " = $3 OR ",
                    $field!("click_id"),
                    " = $4 OR ",
                    $field!("transaction_id"),
                    " = $5) LIMIT 1) AS forerunner"
                );
                let count: i64 = sqlx::query_scalar(sql)
                    .bind(before)
                    .bind(kind)
                    .bind(customer_key)
                    .bind(click_id)
                    .bind(transaction_id)
                    .fetch_one(pool)
                    .await?;
                Ok(count > 0)
            }

            async fn foreign_kind(pool: &sqlx::Pool<Self>) -> Result<Option<String>, Error> {
                let sql = concat!("SELECT kind FROM ", $table, " WHERE kind <> 'affitor_event' LIMIT 1");
                Ok(sqlx::query_scalar(sql).fetch_optional(pool).await?)
            }

            async fn counts(pool: &sqlx::Pool<Self>) -> Result<Vec<(String, String, i64, i64)>, Error> {
                let sql = concat!(
                    "SELECT CAST(state AS text), coalesce(",
                    $output!("outcome"),
                    ", ''),",
                    " CASE WHEN coalesce(",
                    $output!("uncertain"),
                    ", '') IN ('true', '1') THEN 1 ELSE 0 END AS uncertain,",
                    " count(*) FROM ",
                    $table,
                    " WHERE kind = 'affitor_event' GROUP BY 1, 2, 3"
                );
                let rows: Vec<(String, String, i32, i64)> = sqlx::query_as(sql).fetch_all(pool).await?;
                Ok(rows
                    .into_iter()
                    .map(|(state, outcome, uncertain, count)| (state, outcome, uncertain.into(), count))
                    .collect())
            }

            async fn dead(pool: &sqlx::Pool<Self>, limit: i64) -> Result<Vec<Row>, Error> {
                let sql = concat!(
                    "SELECT id, coalesce(",
                    $field!("whole"),
                    ", 'null'), coalesce(",
                    $output!("whole"),
                    ", 'null'), ",
                    $seconds,
                    " FROM ",
                    $table,
                    " WHERE kind = 'affitor_event' AND state = 'discarded' ORDER BY id LIMIT $1"
                );
                let rows: Vec<(i64, String, String, f64)> = sqlx::query_as(sql).bind(limit).fetch_all(pool).await?;
                Ok(rows
                    .into_iter()
                    .map(|(id, event, output, created_at)| Row { id, event, output, created_at })
                    .collect())
            }

            async fn discard(pool: &sqlx::Pool<Self>, id: i64) -> Result<bool, Error> {
                let sql = concat!(
                    "UPDATE ",
                    $table,
                    " SET state = 'cancelled' WHERE id = $1 AND kind = 'affitor_event' AND state = 'discarded'"
                );
                Ok(sqlx::query(sql).bind(id).execute(pool).await?.rows_affected() > 0)
            }

            async fn replay(pool: &sqlx::Pool<Self>, client: &Client, id: i64, now: i64) -> Result<bool, Error> {
                let sql = concat!(
                    "UPDATE ",
                    $table,
                    " SET attempt = CASE WHEN ",
                    $field!("type"),
                    " = 'refund' THEN 0 ELSE attempt END, metadata = CASE WHEN ",
                    $field!("type"),
                    " = 'refund' THEN ",
                    $replayed!($without!("metadata", "affitor_lost")),
                    " ELSE ",
                    $replayed!("metadata"),
                    " END WHERE id = $1 AND kind = 'affitor_event' AND state = 'discarded'"
                );
                // In one transaction: another person may decide otherwise at the same time.
                let mut tx = $begin(pool).await?;
                if sqlx::query(sql).bind(id).bind(now).execute(&mut *tx).await?.rows_affected() == 0 {
                    return Ok(false);
                }
                client.jobs().retry(id).tx(&mut tx).await?;
                tx.commit().await?;
                Ok(true)
            }
        }
    };
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use riverqueue::{migrate::SqliteMigrator, sqlx::SqlitePool};

    use super::*;

    macro_rules! field {
        ("whole") => {
            "(args -> '$.event')"
        };
        ($name:literal) => {
            concat!("json_extract(args, '$.event.", $name, "')")
        };
    }

    macro_rules! output {
        ("whole") => {
            "(metadata -> '$.output')"
        };
        ($name:literal) => {
            concat!("CAST(json_extract(metadata, '$.output.", $name, "') AS text)")
        };
    }

    macro_rules! without {
        ($metadata:expr, $name:literal) => {
            concat!("jsonb_remove(", $metadata, ", '$.", $name, "')")
        };
    }

    macro_rules! replayed {
        ($metadata:expr) => {
            concat!("jsonb_set(", without!($metadata, "affitor_unknown_since"), ", '$.affitor_replayed_at', $2)")
        };
    }

    dialect! {
        sqlx::Sqlite, table: "river_job", field: field, output: output,
        seconds: "CAST(strftime('%s', created_at) AS real)",
        without: without, replayed: replayed,
        migrate: async |pool: SqlitePool| {
            SqliteMigrator::new(pool).migrate_up().await.map(drop).map_err(Error::migration)
        },
        client: |pool: SqlitePool| Ok(Client::builder(pool)),
        begin: riverqueue::database::begin_sqlite_write
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use riverqueue::{
        database::{PostgresDatabase, SchemaName},
        migrate::PostgresMigrator,
        sqlx::PgPool,
    };

    use super::*;

    /// A schema of its own, so that the app's own River does not discard the outbox's jobs, nor the outbox the app's.
    fn schema() -> Result<SchemaName, Error> {
        SchemaName::new("affitor").map_err(Error::migration)
    }

    macro_rules! field {
        ("whole") => {
            "CAST(args -> 'event' AS text)"
        };
        ($name:literal) => {
            concat!("(args -> 'event' ->> '", $name, "')")
        };
    }

    macro_rules! output {
        ("whole") => {
            "CAST(metadata -> 'output' AS text)"
        };
        ($name:literal) => {
            concat!("(metadata -> 'output' ->> '", $name, "')")
        };
    }

    macro_rules! without {
        ($metadata:expr, $name:literal) => {
            concat!("(", $metadata, " - '", $name, "')")
        };
    }

    macro_rules! replayed {
        ($metadata:expr) => {
            concat!(
                "jsonb_set(",
                without!($metadata, "affitor_unknown_since"),
                ", '{affitor_replayed_at}', to_jsonb($2))"
            )
        };
    }

    dialect! {
        sqlx::Postgres, table: "affitor.river_job", field: field, output: output,
        seconds: "CAST(extract(epoch FROM created_at) AS double precision)",
        without: without, replayed: replayed,
        migrate: async |pool: PgPool| {
            sqlx::query("CREATE SCHEMA IF NOT EXISTS affitor").execute(&pool).await?;
            PostgresMigrator::new(pool).with_schema(schema()?).migrate_up().await.map(drop).map_err(Error::migration)
        },
        client: |pool: PgPool| Ok(Client::builder(PostgresDatabase::new(pool).with_schema(schema()?))),
        begin: riverqueue::database::begin_postgres
    }
}
