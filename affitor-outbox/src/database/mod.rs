//! The queries of the outbox, for SQLite and Postgres.

#[macro_use]
mod sql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::future::Future;

use affitor::WaitsFor;
use riverqueue::{Client, sqlx};

use crate::{Error, delivery::Delivery};

/// A database that can hold an outbox: [`sqlx::Sqlite`] (feature `sqlite`) or [`sqlx::Postgres`] (feature `postgres`).
pub trait Database: sealed::Dialect {}

/// Key in a job's metadata: time of the last replay, in seconds of Unix time.
pub(crate) const REPLAYED_AT: &str = "affitor_replayed_at";

/// Migration lines in River's table of migrations: River's own and the outbox's.
pub(crate) const RIVER_LINE: &str = "main";
pub(crate) const OWN_LINE: &str = "affitor";

/// A row of the outbox.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: i64,
    pub event: String,
    pub output: String,
    pub created_at: f64,
}

/// Id, event, output and creation time. Text is read as bytes, because on SQLite it may not be valid UTF-8.
type RawRow = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Option<f64>);

fn rows(rows: Vec<RawRow>) -> Vec<Row> {
    let text = |bytes: Option<Vec<u8>>| {
        bytes.map_or_else(|| "null".to_owned(), |text| String::from_utf8_lossy(&text).into_owned())
    };
    let row = |(id, event, output, created_at): RawRow| Row {
        id,
        event: text(event),
        output: text(output),
        created_at: created_at.unwrap_or_default(),
    };
    rows.into_iter().map(row).collect()
}

/// Events that are not delivered.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    pub pending: i64,
    pub dead: i64,
    /// Time when the oldest pending event was enqueued, in seconds of Unix time.
    pub oldest: Option<f64>,
}

/// A migration that is not applied yet.
#[derive(Clone, Debug)]
pub struct Missing {
    /// [`RIVER_LINE`] or [`OWN_LINE`].
    pub line: &'static str,
    pub version: i64,
    pub sql: String,
}

mod sealed {
    use super::*;

    /// Queries and migrations of a database.
    pub trait Dialect: sqlx::Database {
        /// Prefix of table names, for printed SQL.
        const SCHEMA: &'static str;

        /// Statements to run before River's migrations, for printed SQL.
        const PRELUDE: &'static str;

        /// Counts pending leads of a customer or click: 0 or 1.
        const LEAD_PENDING: &'static str;

        /// Counts pending sales and refunds of a transaction: 0 or 1.
        const PAYMENT_PENDING: &'static str;

        /// Counts partial refunds of a transaction, pending or not: 0 or 1.
        const PARTIAL_REFUND: &'static str;

        /// Statement that begins a write transaction, for printed SQL.
        const BEGIN: &'static str;

        /// Our own migrations, applied after River's. The first one is version 1.
        const MIGRATIONS: &'static [&'static str];

        /// Excludes other migrating processes until it is dropped.
        type Lock: Send;

        fn lock(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<Self::Lock, Error>> + Send;

        /// Returns River's migrations that are not applied yet.
        fn river_missing(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<Vec<Missing>, Error>> + Send;

        /// Returns the version of our own last migration, or 0 if none is applied or its triggers are gone. Requires
        /// River's tables.
        fn version(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<i64, Error>> + Send;

        fn river_migrate(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<(), Error>> + Send;

        /// Applies one of our own migrations and records its version.
        fn apply(
            pool: &sqlx::Pool<Self>,
            version: i64,
            sql: &'static str,
        ) -> impl Future<Output = Result<(), Error>> + Send;

        fn client(pool: &sqlx::Pool<Self>) -> Result<riverqueue::ClientBuilder, Error>;

        fn begin(
            pool: &sqlx::Pool<Self>,
        ) -> impl Future<Output = Result<sqlx::Transaction<'static, Self>, Error>> + Send;

        /// Inserts a delivery in the app's transaction. Returns `false` if the same event was enqueued before. If
        /// `notify`, workers fetch it at once, otherwise within a second.
        fn insert(
            client: &Client,
            tx: &mut sqlx::Transaction<'_, Self>,
            delivery: Delivery,
            notify: bool,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Gives an event the lowest priority.
        fn put_last(pool: &sqlx::Pool<Self>, id: i64) -> impl Future<Output = Result<(), Error>> + Send;

        /// Returns whether an event that must be delivered first is still pending: a lead with an id below
        /// `leads_before`, a sale, or a refund with an id below `refunds_before`.
        fn must_wait(
            pool: &sqlx::Pool<Self>,
            waits_for: WaitsFor<'_>,
            leads_before: i64,
            refunds_before: i64,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Returns whether there is a partial refund of this payment, other than the event with the id `except`.
        fn has_partial_refund(
            pool: &sqlx::Pool<Self>,
            transaction_id: &str,
            except: i64,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Records that an event is about to be sent. Returns `false` if another attempt has taken it over.
        fn mark_sending(
            pool: &sqlx::Pool<Self>,
            id: i64,
            attempt: i32,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Removes that record, for an event that was not sent.
        fn unmark_sending(
            pool: &sqlx::Pool<Self>,
            id: i64,
            attempt: i32,
        ) -> impl Future<Output = Result<(), Error>> + Send;

        /// Returns the kind of a job, or the name of a queue, that is not the outbox's.
        fn foreign(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<Option<String>, Error>> + Send;

        /// Counts events by state, outcome, and whether they are uncertain, including those whose rows are deleted.
        fn counts(
            pool: &sqlx::Pool<Self>,
        ) -> impl Future<Output = Result<Vec<(String, String, i64, i64)>, Error>> + Send;

        fn backlog(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<Backlog, Error>> + Send;

        /// Returns dead letters with an id above `after`, oldest first.
        fn dead(
            pool: &sqlx::Pool<Self>,
            after: i64,
            limit: i64,
        ) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

        /// Returns delivered events that are uncertain, with an id above `after`, oldest first.
        fn uncertain(
            pool: &sqlx::Pool<Self>,
            after: i64,
            limit: i64,
        ) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

        /// Marks an uncertain event as checked. Returns `false` if there is none with this id.
        fn settle(pool: &sqlx::Pool<Self>, id: i64) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Marks a dead letter as discarded. Returns `false` if there is none with this id.
        fn discard(pool: &sqlx::Pool<Self>, id: i64) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Replaces the event of a dead letter. Returns `false` if there is none with this id and key.
        fn correct(
            tx: &mut sqlx::Transaction<'_, Self>,
            id: i64,
            key: Option<&str>,
            args: &str,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Makes a dead letter pending. Returns `false` if there is none with this id. Clears the record that an
        /// earlier attempt may have arrived for a refund, but not for a sale.
        fn replay(
            tx: &mut sqlx::Transaction<'_, Self>,
            client: &Client,
            id: i64,
            now: i64,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Reschedules events that a clock jump left in the future. Returns their number.
        fn fix_schedule(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<u64, Error>> + Send;
    }
}
