//! The outbox: enqueueing, inspecting and resolving events in the app's own database.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use affitor::Event;
use riverqueue::{Client, sqlx};

use crate::{
    Database, DeadLetter, Error, OutboxStats, UncertainEvent, dead, delivery::Delivery, migration, sender::seconds,
};

/// Events in the app's own database, waiting for delivery. Cheap to clone.
///
/// An outbox only stores events. A [`Worker`](crate::Worker) delivers them, in this process or another one.
pub struct Outbox<DB: Database> {
    pub(crate) pool: sqlx::Pool<DB>,
    /// Inserts and replays jobs. Each worker has its own client.
    client: Client,
    notifier: Arc<Notifier>,
}

impl<DB: Database> Clone for Outbox<DB> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), client: self.client.clone(), notifier: Arc::clone(&self.notifier) }
    }
}

impl<DB: Database> fmt::Debug for Outbox<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("database", &DB::NAME).finish_non_exhaustive()
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
}

#[cfg(feature = "sqlite")]
impl Outbox<sqlx::Sqlite> {
    /// Creates an outbox in a SQLite database. Create its tables with [`Outbox::migrate`].
    ///
    /// # Errors
    ///
    /// Returns an error if the job queue (River) rejects the outbox's settings.
    pub fn sqlite(pool: sqlx::SqlitePool) -> Result<Self, Error> {
        Self::new(pool)
    }
}

#[cfg(feature = "postgres")]
impl Outbox<sqlx::Postgres> {
    /// Creates an outbox in a Postgres database, in the schema `affitor`. Create its tables with [`Outbox::migrate`].
    ///
    /// # Errors
    ///
    /// Returns an error if the job queue (River) rejects the outbox's settings.
    pub fn postgres(pool: sqlx::PgPool) -> Result<Self, Error> {
        Self::new(pool)
    }
}

impl<DB: Database> Outbox<DB> {
    fn new(pool: sqlx::Pool<DB>) -> Result<Self, Error> {
        let client = DB::client(&pool)?.build()?;
        Ok(Self { pool, client, notifier: Arc::default() })
    }

    /// Creates the tables, or updates them. Safe to call at every start, even from several processes at once; changes
    /// nothing if the tables are up to date.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails; if the database user lacks the rights.
    pub async fn migrate(&self) -> Result<(), Error> {
        migration::migrate(&self.pool).await
    }

    /// Returns the SQL that [`Outbox::migrate`] would run in this database, including its transactions; empty if the
    /// tables are up to date. For your own migrations, call it on an empty database.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn migration_sql(&self) -> Result<String, Error> {
        migration::sql(&self.pool).await
    }

    /// Begins a write transaction. On SQLite it takes the write lock at once, because a transaction that reads first
    /// may fail to get it later.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn begin(&self) -> Result<sqlx::Transaction<'static, DB>, Error> {
        DB::begin(&self.pool).await
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
        self.insert(tx, Delivery::new(&event.into())?).await
    }

    async fn insert(&self, tx: &mut sqlx::Transaction<'_, DB>, delivery: Delivery) -> Result<Enqueued, Error> {
        let inserted = DB::insert(&self.client, tx, delivery, self.notifier.is_due()).await?;
        Ok(if inserted { Enqueued::New } else { Enqueued::Known })
    }

    /// Enqueues events in one transaction.
    pub(crate) async fn enqueue_all(&self, deliveries: &[Delivery]) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        for delivery in deliveries {
            self.insert(&mut tx, delivery.clone()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Enqueues an event in a transaction of its own.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Outbox::enqueue`].
    pub async fn enqueue_alone(&self, event: impl Into<Event>) -> Result<Enqueued, Error> {
        let delivery = Delivery::new(&event.into())?;
        let mut tx = self.begin().await?;
        let enqueued = self.insert(&mut tx, delivery).await?;
        tx.commit().await?;
        Ok(enqueued)
    }

    /// Returns the totals of all events.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn stats(&self) -> Result<OutboxStats, Error> {
        Ok(OutboxStats::of(DB::counts(&self.pool).await?))
    }

    /// Returns the oldest dead letters, at most `limit`. [Replay](Outbox::replay) or [discard](Outbox::discard) each of
    /// them.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn dead(&self, limit: u32) -> Result<Vec<DeadLetter>, Error> {
        self.dead_after(i64::MIN, limit).await
    }

    /// Like [`Outbox::dead`], but returns dead letters with an id above `id`: the next page.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn dead_after(&self, id: i64, limit: u32) -> Result<Vec<DeadLetter>, Error> {
        Ok(DB::dead(&self.pool, id, limit.into()).await?.into_iter().map(dead::read).collect())
    }

    /// Returns the oldest delivered events that are uncertain, with an id above `after`, at most `limit`: sales that
    /// may lack their commission, and refunds that may have had no effect. Compare each with Affitor's dashboard, then
    /// [settle](Outbox::settle) it. (Partial refunds that may have arrived are dead letters.)
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn uncertain(&self, after: i64, limit: u32) -> Result<Vec<UncertainEvent>, Error> {
        Ok(DB::uncertain(&self.pool, after, limit.into()).await?.iter().map(dead::read_uncertain).collect())
    }

    /// Marks an uncertain event as checked, so that it no longer counts as uncertain. Returns `false` if there is none
    /// with this id.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn settle(&self, id: i64) -> Result<bool, Error> {
        DB::settle(&self.pool, id).await
    }

    /// Redelivers a dead letter. Returns `false` if there is none with this id. If it is
    /// [uncertain](crate::DeadReason::Uncertain), first check in the dashboard that it has not arrived.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn replay(&self, id: i64) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let replayed = DB::replay(&mut tx, &self.client, id, seconds(SystemTime::now())).await?;
        tx.commit().await?;
        Ok(replayed)
    }

    /// Corrects a dead letter, for example its amount, and redelivers it. Returns `false` if there is none with this
    /// id, or if `event` is not the same sale, refund or lead. (A row that was inserted with plain SQL has no key to
    /// compare: discard it, and enqueue the correct event.)
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Outbox::enqueue`].
    pub async fn replay_as(&self, id: i64, event: impl Into<Event>) -> Result<bool, Error> {
        let delivery = Delivery::new(&event.into())?;
        let args = serde_json::to_string(&delivery).unwrap_or_default();
        let mut tx = self.begin().await?;
        let replayed = DB::correct(&mut tx, id, delivery.key(), &args).await?
            && DB::replay(&mut tx, &self.client, id, seconds(SystemTime::now())).await?;
        tx.commit().await?;
        Ok(replayed)
    }

    /// Marks a dead letter as discarded. It is never sent, and stays in the totals. Returns `false` if there is none
    /// with this id.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn discard(&self, id: i64) -> Result<bool, Error> {
        DB::discard(&self.pool, id).await
    }
}
