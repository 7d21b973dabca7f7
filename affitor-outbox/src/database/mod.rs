//! The queries of the outbox, for SQLite and Postgres.
//!
//! The outbox uses River's tables. An event is a job (`affitor-outbox/src/delivery.rs`). Queries on those tables add what River
//! lacks: order (is an earlier event pending?), totals, dead letters. They are text that can be pasted into a console
//! (`affitor-outbox/sql/*/queries.sql`), and one macro with one parameter runs them on both databases (`database/run.rs`), because
//! SQLx's traits make a generic function unreadable. A test checks the plan of each query at 100,000 rows.
//!
//! SQLite is told which index to use (`INDEXED BY`). It knows how selective an index is only after `ANALYZE`, which nothing runs, and
//! otherwise it may take River's index of kinds, in which all events are equal. A test holds the index of each query, and what each
//! one visits in small and in large tables.

#[cfg(feature = "postgres")]
mod postgres;
mod run;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{fmt, future::Future, sync::Arc};

use affitor::delivery::WaitsFor;
use riverqueue::sqlx;

#[cfg(feature = "postgres")]
pub(crate) use self::postgres::check_schema;
pub(crate) use self::sql::{Sql, in_schema};
use crate::{Error, delivery::NewRow};

/// A database that can hold an outbox: [`sqlx::Sqlite`] (feature `sqlite`) or [`sqlx::Postgres`] (feature `postgres`).
pub trait Database: sealed::Dialect {}

/// Migration lines in River's table of migrations: River's own and the outbox's.
pub(crate) const RIVER_LINE: &str = "main";
pub(crate) const OWN_LINE: &str = "affitor";

/// A pool, with the queries and the queue of one program in one schema.
pub struct Store<DB: sqlx::Database> {
    pub(crate) pool: sqlx::Pool<DB>,
    pub(crate) sql: Arc<Sql>,
    pub(crate) schema: Arc<str>,
    pub(crate) queue: Arc<str>,
    /// Our own migrations, applied after River's. The first one is version 1.
    pub(crate) migrations: Arc<[String]>,
    /// Whether enqueueing uses prepared statements that outlive a transaction.
    pub(crate) prepared: bool,
}

impl<DB: sqlx::Database> fmt::Debug for Store<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("schema", &self.schema).field("queue", &self.queue).finish_non_exhaustive()
    }
}

impl<DB: sqlx::Database> Clone for Store<DB> {
    fn clone(&self) -> Self {
        self.with_pool(self.pool.clone())
    }
}

impl<DB: sqlx::Database> Store<DB> {
    pub(crate) fn with_pool(&self, pool: sqlx::Pool<DB>) -> Self {
        Self {
            pool,
            sql: Arc::clone(&self.sql),
            schema: Arc::clone(&self.schema),
            queue: Arc::clone(&self.queue),
            migrations: Arc::clone(&self.migrations),
            prepared: self.prepared,
        }
    }

    pub(crate) fn with_queue(&self, queue: &str) -> Self {
        Self { queue: queue.into(), ..self.clone() }
    }
}

/// A row of the outbox.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: i64,
    pub event: String,
    pub output: String,
    pub created_at: f64,
}

/// A dead letter that is about to be replayed.
#[derive(Clone, Debug)]
pub struct Locked {
    pub attempt: i32,
    pub history: String,
    pub event: String,
}

/// Number of events with an outcome, including those whose rows are deleted. Pending events and dead letters have the
/// outcomes `pending` and `dead`.
#[derive(Clone, Debug)]
pub struct Count {
    pub outcome: String,
    pub uncertain: bool,
    pub count: i64,
}

/// Events that are not delivered.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    pub pending: i64,
    /// Time when the oldest pending event was enqueued, in seconds of Unix time.
    pub oldest: Option<f64>,
    pub dead: i64,
}

/// A migration that is not applied yet.
#[derive(Clone, Debug)]
pub struct Missing {
    /// [`RIVER_LINE`] or [`OWN_LINE`].
    pub line: &'static str,
    pub version: i64,
    pub sql: String,
}

pub(crate) mod sealed {
    use super::*;

    /// Queries and migrations of a database. The methods of [`Queries`] are the same for both databases.
    pub trait Dialect: Queries {
        /// Schema of the outbox unless the app chooses another one. Empty if the database has no schemas.
        const DEFAULT_SCHEMA: &'static str;

        /// Text of the queries.
        const QUERIES: &'static str;

        /// Our own migrations. The first one is version 1.
        const MIGRATIONS: &'static [&'static str];

        /// Held payments that are decided concurrently. SQLite has one writer.
        const DECIDERS: usize;

        /// Held payments that are decided in one transaction. SQLite waits for its disk at each commit; on Postgres, transactions that
        /// lock several payments could meet in a deadlock.
        const DECIDED_TOGETHER: usize;

        /// Statements to run before River's migrations.
        fn prelude(schema: &str) -> String;

        /// Statement that begins a write transaction, for printed SQL.
        const BEGIN: &'static str;

        /// Excludes other migrating processes until it is dropped.
        type Lock: Send;

        fn lock(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<Self::Lock, Error>> + Send;

        /// Returns River's migrations that are not applied yet.
        fn river_missing(store: &Store<Self>) -> impl Future<Output = Result<Vec<Missing>, Error>> + Send;

        fn river_migrate(store: &Store<Self>) -> impl Future<Output = Result<(), Error>> + Send;

        /// Returns whether objects of the outbox are gone although its version is recorded.
        fn is_damaged(store: &Store<Self>) -> impl Future<Output = Result<bool, Error>> + Send;

        fn client(store: &Store<Self>) -> Result<riverqueue::ClientBuilder, Error>;

        /// Wakes the workers when the transaction commits, if the database can.
        fn notify(
            store: &Store<Self>,
            tx: &mut sqlx::Transaction<'_, Self>,
        ) -> impl Future<Output = Result<(), Error>> + Send;
    }

    /// A parameter of a query.
    #[derive(Clone, Debug)]
    pub enum Parameter {
        Integer(Option<i64>),
        Text(Option<String>),
        Flag(Option<bool>),
        Bytes(Vec<u8>),
    }

    impl From<i64> for Parameter {
        fn from(value: i64) -> Self {
            Self::Integer(Some(value))
        }
    }

    impl From<Option<i64>> for Parameter {
        fn from(value: Option<i64>) -> Self {
            Self::Integer(value)
        }
    }

    impl From<i32> for Parameter {
        fn from(value: i32) -> Self {
            Self::Integer(Some(value.into()))
        }
    }

    impl From<&str> for Parameter {
        fn from(value: &str) -> Self {
            Self::Text(Some(value.to_owned()))
        }
    }

    impl From<String> for Parameter {
        fn from(value: String) -> Self {
            Self::Text(Some(value))
        }
    }

    impl From<Option<String>> for Parameter {
        fn from(value: Option<String>) -> Self {
            Self::Text(value)
        }
    }

    impl From<Vec<u8>> for Parameter {
        fn from(value: Vec<u8>) -> Self {
            Self::Bytes(value)
        }
    }

    impl From<Option<bool>> for Parameter {
        fn from(value: Option<bool>) -> Self {
            Self::Flag(value)
        }
    }

    /// The queries, which have the same parameters and results on both databases. See `sql/*/queries.sql`.
    pub trait Queries: sqlx::Database {
        fn begin(
            pool: &sqlx::Pool<Self>,
        ) -> impl Future<Output = Result<sqlx::Transaction<'static, Self>, Error>> + Send;

        /// Applies one of our own migrations and records its version.
        fn apply(store: &Store<Self>, version: i64, sql: &str) -> impl Future<Output = Result<(), Error>> + Send;

        /// Returns the version of our own last migration, or 0 if none is applied. Requires River's tables.
        fn version(store: &Store<Self>) -> impl Future<Output = Result<i64, Error>> + Send;

        /// Inserts an event. Returns `false` if the same event was enqueued before.
        fn insert(
            store: &Store<Self>,
            tx: &mut sqlx::Transaction<'_, Self>,
            row: &NewRow,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Returns whether an event that must be delivered first is still pending: a lead with an id below
        /// `leads_before`, a sale, or a refund with an id below `refunds_before`.
        fn must_wait(
            store: &Store<Self>,
            waits_for: WaitsFor<'_>,
            leads_before: i64,
            refunds_before: i64,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Returns whether there is a partial refund of this payment, other than the event with the id `except`.
        fn has_partial_refund(
            store: &Store<Self>,
            transaction_id: &str,
            except: i64,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Returns the kind of a job, or the name of a queue, that is not the outbox's.
        fn foreign(store: &Store<Self>) -> impl Future<Output = Result<Option<String>, Error>> + Send;

        fn stats(store: &Store<Self>) -> impl Future<Output = Result<Vec<Count>, Error>> + Send;

        fn backlog(store: &Store<Self>) -> impl Future<Output = Result<Backlog, Error>> + Send;

        /// Returns dead letters with an id above `after`, oldest first.
        fn dead(store: &Store<Self>, after: i64, limit: i64) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

        /// Returns delivered events that are uncertain, with an id above `after`, oldest first.
        fn uncertain(
            store: &Store<Self>,
            after: i64,
            limit: i64,
        ) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

        /// Reads a dead letter, and locks it until the transaction ends.
        fn dead_letter(
            store: &Store<Self>,
            tx: &mut sqlx::Transaction<'_, Self>,
            id: i64,
        ) -> impl Future<Output = Result<Option<Locked>, Error>> + Send;

        /// Returns the number of a customer's events that are being sent.
        fn being_sent(
            store: &Store<Self>,
            tx: &mut sqlx::Transaction<'_, Self>,
            customer_key: &str,
        ) -> impl Future<Output = Result<u64, Error>> + Send;

        /// Begins a part of a transaction that can be rolled back alone, and is when it is dropped.
        fn savepoint<'t>(
            tx: &'t mut sqlx::Transaction<'_, Self>,
        ) -> impl Future<Output = Result<sqlx::Transaction<'t, Self>, Error>> + Send;

        /// Runs a statement, and returns the number of rows that it changed.
        fn run(
            store: &Store<Self>,
            tx: &mut sqlx::Transaction<'_, Self>,
            sql: &Arc<str>,
            parameters: Vec<Parameter>,
        ) -> impl Future<Output = Result<u64, Error>> + Send;

        /// Runs a statement in a transaction of its own, and returns the number of rows that it changed.
        fn run_alone(
            store: &Store<Self>,
            sql: &Arc<str>,
            parameters: Vec<Parameter>,
        ) -> impl Future<Output = Result<u64, Error>> + Send;

        /// Runs a query whose rows are JSON texts.
        fn read(
            store: &Store<Self>,
            tx: &mut sqlx::Transaction<'_, Self>,
            sql: &Arc<str>,
            parameters: Vec<Parameter>,
        ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;
    }
}

/// Renders the SQL of a database for a schema.
pub(crate) fn store<DB: Database>(pool: sqlx::Pool<DB>, schema: &str) -> Store<DB> {
    Store {
        pool,
        sql: Arc::new(Sql::parse(DB::QUERIES, schema)),
        schema: schema.into(),
        queue: crate::QUEUE.into(),
        migrations: DB::MIGRATIONS.iter().map(|sql| in_schema(sql, schema)).collect(),
        prepared: true,
    }
}
