//! The outbox: enqueueing events in the app's own database.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use affitor::Event;
use affitor_core::redact::Redacted;
use riverqueue::sqlx;
use tracing::field::display;

use crate::{
    Database, Error,
    database::{self, Store},
    delivery::NewRow,
    migration, program,
    statement::EventStatement,
};

/// Events in the app's own database, waiting for delivery. Cheap to clone.
///
/// An outbox only stores events. A [`Worker`](crate::Worker) delivers them, in this process or another one.
pub struct Outbox<DB: Database> {
    pub(crate) store: Store<DB>,
    notifier: Arc<Notifier>,
    /// Whether events are dropped.
    pub(crate) is_disabled: bool,
    #[cfg(feature = "webhooks")]
    pub(crate) payments: Arc<crate::PaymentSettings>,
}

impl<DB: Database> Clone for Outbox<DB> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            notifier: Arc::clone(&self.notifier),
            is_disabled: self.is_disabled,
            #[cfg(feature = "webhooks")]
            payments: Arc::clone(&self.payments),
        }
    }
}

impl<DB: Database> fmt::Debug for Outbox<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("database", &DB::NAME)
            .field("schema", &self.store.schema)
            .field("queue", &self.store.queue)
            .field("is_disabled", &self.is_disabled)
            .finish_non_exhaustive()
    }
}

/// Limits how often workers are notified of new events, because Postgres serialises the commits of transactions that
/// notify.
#[derive(Debug, Default)]
struct Notifier {
    last: Mutex<Option<Instant>>,
}

impl Notifier {
    fn is_due(&self) -> bool {
        const MIN_INTERVAL: Duration = Duration::from_millis(100);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() > MIN_INTERVAL);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

/// The result of enqueueing an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Enqueued {
    /// The event is in the outbox once the transaction commits.
    New,
    /// The same event was enqueued before, so nothing was added. Sales are compared by transaction id, refunds by
    /// transaction id and refund id, leads by customer and click. Other fields and the state of the first event make no
    /// difference: a discarded event is not sent, and a dead letter is corrected with [`Outbox::replay_as`].
    Known,
    /// The outbox is [disabled](Outbox::disabled), so nothing was added.
    Disabled,
}

#[cfg(feature = "sqlite")]
impl Outbox<sqlx::Sqlite> {
    /// Creates an outbox in a SQLite database. Create its tables with [`Outbox::migrate`].
    pub fn sqlite(pool: sqlx::SqlitePool) -> Self {
        Self::new(database::store(pool, ""))
    }

    /// Creates an outbox in a file of its own, for an app that has no SQLite database. The file is created when it is first used, with the
    /// settings that an outbox needs: a write-ahead log, and waiting for up to 5 seconds for another writer.
    ///
    /// ```no_run
    /// # use affitor_outbox::{Outbox, affitor::Client};
    /// # async fn run(client: Client) -> Result<(), affitor_outbox::Error> {
    /// let delivery = Outbox::sqlite_file("affitor.sqlite3").start(client).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// An event commits together with your own rows only in the same database: pass its pool to [`Outbox::sqlite`].
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, as every pool of SQLx does.
    pub fn sqlite_file(path: impl AsRef<std::path::Path>) -> Self {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            .busy_timeout(std::time::Duration::from_secs(5));
        Self::sqlite(sqlx::SqlitePool::connect_lazy_with(options))
    }
}

#[cfg(feature = "postgres")]
impl Outbox<sqlx::Postgres> {
    /// Creates an outbox in a Postgres database, in the schema `affitor`. Create its tables with [`Outbox::migrate`].
    pub fn postgres(pool: sqlx::PgPool) -> Self {
        Self::new(database::store(pool, <sqlx::Postgres as database::sealed::Dialect>::DEFAULT_SCHEMA))
    }

    /// Like [`Outbox::postgres`], but in another schema. Two apps, or staging and production, that share a database need a
    /// schema each: otherwise each one sends the other's events with its own API key.
    ///
    /// ```no_run
    /// # fn run(pool: affitor_outbox::sqlx::PgPool) -> Result<(), affitor_outbox::Error> {
    /// let outbox = affitor_outbox::Outbox::postgres_in(pool, "staging_affitor")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error unless the name consists of lowercase letters, digits and `_`, begins with a letter or `_`, and has
    /// at most 63 characters.
    pub fn postgres_in(pool: sqlx::PgPool, schema: &str) -> Result<Self, Error> {
        database::check_schema(schema)?;
        Ok(Self::new(database::store(pool, schema)))
    }
}

#[cfg(feature = "postgres")]
impl Outbox<sqlx::Postgres> {
    /// Enqueues without prepared statements that outlive a transaction, so that [`enqueue`](Outbox::enqueue) works through a
    /// connection pooler in transaction mode, such as PgBouncer. Each event then takes one more round trip. Workers and
    /// [`migrate`](Outbox::migrate) need a direct connection: see
    /// [`WorkerBuilder::pool`](crate::WorkerBuilder::pool).
    #[must_use]
    pub fn without_prepared_statements(mut self) -> Self {
        self.store.prepared = false;
        self
    }
}

impl<DB: Database> Outbox<DB> {
    fn new(store: Store<DB>) -> Self {
        Self {
            store,
            notifier: Arc::default(),
            is_disabled: false,
            #[cfg(feature = "webhooks")]
            payments: Arc::default(),
        }
    }

    /// Returns an outbox in the same tables for another Affitor program. Each program has its own queue, totals and
    /// duplicates, and needs its own [worker](Outbox::worker), with its API key. For an app that serves several programs.
    ///
    /// The settings of the payment ledger stay, except for the program id.
    ///
    /// ```no_run
    /// # fn run(outbox: affitor_outbox::Outbox<affitor_outbox::sqlx::Sqlite>) -> Result<(), affitor_outbox::Error> {
    /// let europe = outbox.for_program("eu")?;
    /// let america = outbox.for_program("us")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error unless the name consists of lowercase letters, digits, and single `-` or `_` between them, and has
    /// at most 56 characters.
    pub fn for_program(&self, name: &str) -> Result<Self, Error> {
        let mut outbox = Self::new(self.store.with_queue(&program::queue(name)?));
        outbox.is_disabled = self.is_disabled;
        #[cfg(feature = "webhooks")]
        let outbox = outbox.with_payment_settings(crate::PaymentSettings::clone(&self.payments).of_another_program());
        Ok(outbox)
    }

    /// Returns this outbox, disabled, for environments without an Affitor program. Handlers stay as they are: events and payments
    /// are checked and dropped, and the tables need not exist. A payment that is dropped is logged as a warning, and the shop's own work
    /// continues. [`statement`](Outbox::statement) is the exception: the app executes that statement itself, so the event is still added.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.is_disabled = true;
        self
    }

    /// Returns whether the outbox is [disabled](Outbox::disabled).
    pub fn is_disabled(&self) -> bool {
        self.is_disabled
    }

    /// Returns the name of the queue in River's tables: [`QUEUE`](crate::QUEUE), or a name that contains the
    /// [program](Outbox::for_program).
    pub fn queue(&self) -> &str {
        &self.store.queue
    }

    /// Returns how long delivered events and payments are kept.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn retention(&self) -> Result<crate::Retention, Error> {
        crate::retention::read(&self.store).await
    }

    /// Creates the tables, or updates them. Safe to call at every start, even from several processes at once; changes
    /// nothing if the tables are up to date.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails; if the database user lacks the rights; if a later version of this crate has
    /// migrated the tables.
    pub async fn migrate(&self) -> Result<(), Error> {
        migration::migrate(&self.store).await
    }

    /// Returns the SQL that [`Outbox::migrate`] would run in this database, including its transactions; empty if the
    /// tables are up to date. For your own migrations, call it on an empty database.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails; if a later version of this crate has migrated the tables.
    pub async fn migration_sql(&self) -> Result<String, Error> {
        migration::sql(&self.store).await
    }

    /// Begins a write transaction. On SQLite it takes the write lock at once, because a transaction that reads first
    /// may fail to get it later.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn begin(&self) -> Result<sqlx::Transaction<'static, DB>, Error> {
        DB::begin(&self.store.pool).await
    }

    /// Enqueues an event in your own transaction. It is delivered if the transaction commits, and never if it is rolled
    /// back. To enqueue without awaiting the database, use the [`Enqueuer`](crate::Enqueuer) as a client's sink.
    ///
    /// # Errors
    ///
    /// Returns an error if the event is invalid (here a partial refund needs a refund id); if the database fails, in
    /// which case roll back.
    pub async fn enqueue(
        &self,
        tx: &mut sqlx::Transaction<'_, DB>,
        event: impl Into<Event>,
    ) -> Result<Enqueued, Error> {
        let row = NewRow::new(&event.into(), &self.store.queue)?;
        self.insert(tx, &row).await
    }

    /// Like [`Outbox::enqueue`], for a handler that must continue if enqueueing fails. The error is logged with the event's ids. Only
    /// the statements of this call are rolled back, to a savepoint, so your own statements still commit. Takes two more round trips.
    ///
    /// ```no_run
    /// # use affitor_outbox::{Outbox, affitor::Lead, sqlx::{self, Sqlite}};
    /// # async fn sign_up(outbox: Outbox<Sqlite>) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut tx = outbox.begin().await?;
    /// sqlx::query("INSERT INTO users (id) VALUES (7)").execute(&mut *tx).await?;
    /// outbox.enqueue_or_log(&mut tx, Lead::new("user_7")).await;
    /// tx.commit().await?; // also without the lead
    /// # Ok(()) }
    /// ```
    pub async fn enqueue_or_log(&self, tx: &mut sqlx::Transaction<'_, DB>, event: impl Into<Event>) {
        let event = event.into();
        let (kind, subject) = (event.kind(), event.ids().subject().map(str::to_owned));
        let enqueued = async {
            let mut savepoint = DB::savepoint(tx).await?;
            self.enqueue(&mut savepoint, event).await?;
            Ok::<_, Error>(savepoint.commit().await?)
        };
        if let Err(error) = enqueued.await {
            let subject = subject.as_deref().map(|subject| display(Redacted(subject)));
            tracing::error!(event = kind, subject, %error, "an event is lost because it could not be stored");
        }
    }

    async fn insert(&self, tx: &mut sqlx::Transaction<'_, DB>, row: &NewRow) -> Result<Enqueued, Error> {
        if self.is_disabled {
            return Ok(Enqueued::Disabled);
        }
        if !DB::insert(&self.store, tx, row).await? {
            return Ok(Enqueued::Known);
        }
        if self.is_notification_due() {
            DB::notify(&self.store, tx).await?;
        }
        Ok(Enqueued::New)
    }

    pub(crate) fn is_notification_due(&self) -> bool {
        self.notifier.is_due()
    }

    /// Enqueues events in one transaction.
    pub(crate) async fn enqueue_all(&self, rows: &[NewRow]) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        for row in rows {
            self.insert(&mut tx, row).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Enqueues an event in a transaction of its own.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Outbox::enqueue`].
    pub async fn enqueue_alone(&self, event: impl Into<Event>) -> Result<Enqueued, Error> {
        let mut tx = self.begin().await?;
        let enqueued = self.enqueue(&mut tx, event).await?;
        tx.commit().await?;
        Ok(enqueued)
    }

    /// Returns the statement that enqueues an event, for transactions of other database libraries.
    ///
    /// # Errors
    ///
    /// Returns an error if the event is invalid (here a partial refund needs a refund id).
    pub fn statement(&self, event: impl Into<Event>) -> Result<EventStatement, Error> {
        let row = NewRow::new(&event.into(), &self.store.queue)?;
        Ok(EventStatement::new(&self.store.sql.enqueue, &self.store.queue, row))
    }
}
