//! The two databases: what differs between them is SQL.

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

/// A database that the outbox can be in: [`sqlx::Sqlite`] (feature `sqlite`) or [`sqlx::Postgres`] (feature `postgres`).
pub trait Database: sealed::Dialect {}

/// In a job's metadata: when a person has replayed it, in seconds of Unix time.
pub(crate) const REPLAYED_AT: &str = "affitor_replayed_at";

/// The lines in River's table of migrations.
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

/// As bytes: on SQLite a text may be no UTF-8.
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

/// What waits for somebody: the service, or a person.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub pending: i64,
    pub dead: i64,
    /// When the oldest pending event was enqueued, in seconds of Unix time.
    pub since: Option<f64>,
}

/// A migration that is not applied.
#[derive(Clone, Debug)]
pub struct Missing {
    /// Whose it is: River's `main`, or our own.
    pub line: &'static str,
    pub version: i64,
    pub sql: String,
}

mod sealed {
    use super::*;

    /// What differs between the databases.
    pub trait Dialect: sqlx::Database {
        /// Where the tables are, for SQL that is printed.
        const SCHEMA: &'static str;

        /// What must be there before River's tables, for SQL that is printed.
        const PRELUDE: &'static str;

        /// Whether a lead of a customer or click is pending; a payment of a transaction; whether a partial refund of it ever was.
        const LEAD_PENDING: &'static str;
        const PAYMENT_PENDING: &'static str;
        const PARTIAL_REFUND: &'static str;

        /// How a transaction begins that writes, for SQL that is printed.
        const BEGIN: &'static str;

        /// What the outbox adds to River's tables; its version is its place, from 1.
        const MIGRATIONS: &'static [&'static str];

        /// Keeps others from migrating until it is dropped.
        type Lock: Send;

        fn lock(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<Self::Lock, Error>> + Send;

        /// River's migrations that are not applied.
        fn river_missing(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<Vec<Missing>, Error>> + Send;

        /// The last of our own migrations that is applied and still there, or 0. River's must be.
        fn version(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<i64, Error>> + Send;

        fn river_migrate(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<(), Error>> + Send;

        /// Applies one of our own migrations.
        fn apply(
            pool: &sqlx::Pool<Self>,
            version: i64,
            sql: &'static str,
        ) -> impl Future<Output = Result<(), Error>> + Send;

        fn client(pool: &sqlx::Pool<Self>) -> Result<riverqueue::ClientBuilder, Error>;

        fn begin(
            pool: &sqlx::Pool<Self>,
        ) -> impl Future<Output = Result<sqlx::Transaction<'static, Self>, Error>> + Send;

        /// Puts a delivery into the app's transaction; `false` where the same is there. `notify`: whether a worker is to be told at
        /// once; else it looks by itself, within a second.
        fn insert(
            client: &Client,
            tx: &mut sqlx::Transaction<'_, Self>,
            delivery: Delivery,
            notify: bool,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Lets all other events go first.
        fn put_last(pool: &sqlx::Pool<Self>, id: i64) -> impl Future<Output = Result<(), Error>> + Send;

        /// Whether an event that must be delivered first is still pending: a lead with an id below `leads_before`, a sale, a refund
        /// with an id below `refunds_before`.
        fn must_wait(
            pool: &sqlx::Pool<Self>,
            waits_for: WaitsFor<'_>,
            leads_before: i64,
            refunds_before: i64,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Whether there is a partial refund of this payment, except the event with this id.
        fn has_partial_refund(
            pool: &sqlx::Pool<Self>,
            transaction_id: &str,
            except: i64,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Writes down that an event is about to be sent, before it is; `false` where it is not this attempt's any more.
        fn mark_sending(
            pool: &sqlx::Pool<Self>,
            id: i64,
            attempt: i32,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Takes the mark back, of what was not sent.
        fn unmark_sending(
            pool: &sqlx::Pool<Self>,
            id: i64,
            attempt: i32,
        ) -> impl Future<Output = Result<(), Error>> + Send;

        /// A kind of job that is not the outbox's, or the queue of a River that is not.
        fn foreign(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<Option<String>, Error>> + Send;

        /// Counts events by state, outcome and whether it is uncertain; those that are no longer kept, too.
        fn counts(
            pool: &sqlx::Pool<Self>,
        ) -> impl Future<Output = Result<Vec<(String, String, i64, i64)>, Error>> + Send;

        fn waiting(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<Waiting, Error>> + Send;

        /// Dead letters with an id above `after`, oldest first.
        fn dead(
            pool: &sqlx::Pool<Self>,
            after: i64,
            limit: i64,
        ) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

        /// Delivered events that are uncertain, with an id above `after`, oldest first.
        fn uncertain(
            pool: &sqlx::Pool<Self>,
            after: i64,
            limit: i64,
        ) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

        /// A person has compared an uncertain event; `false` where there is none.
        fn settle(pool: &sqlx::Pool<Self>, id: i64) -> impl Future<Output = Result<bool, Error>> + Send;

        /// A person has decided that a dead letter is done with; `false` where there is none.
        fn discard(pool: &sqlx::Pool<Self>, id: i64) -> impl Future<Output = Result<bool, Error>> + Send;

        /// A person has corrected a dead letter; `false` where there is none of this key.
        fn correct(
            tx: &mut sqlx::Transaction<'_, Self>,
            id: i64,
            key: Option<&str>,
            args: &str,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// A person has decided that a dead letter is sent again; `false` where there is none. What may have arrived of a
        /// refund is forgotten with that, and of a sale is not.
        fn replay(
            tx: &mut sqlx::Transaction<'_, Self>,
            client: &Client,
            id: i64,
            now: i64,
        ) -> impl Future<Output = Result<bool, Error>> + Send;

        /// Brings back what a clock that has jumped left in the future: how many events.
        fn mend_clock(pool: &sqlx::Pool<Self>) -> impl Future<Output = Result<u64, Error>> + Send;
    }
}
