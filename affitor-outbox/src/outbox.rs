//! Putting events into the app's own database.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use affitor::Event;
use riverqueue::{Client, sqlx};

use crate::{Books, Database, DeadLetter, Error, UncertainEvent, dead, delivery::Delivery, migration, sender::seconds};

/// Events in the app's own database, to be delivered. Cheap to clone.
pub struct Outbox<DB: Database> {
    pub(crate) pool: sqlx::Pool<DB>,
    /// Inserts only; a worker has a client of its own.
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

/// Tells workers of new events, not of each: Postgres lets one transaction after the other commit that does.
#[derive(Debug, Default)]
struct Notifier {
    last: Mutex<Option<Instant>>,
}

impl Notifier {
    fn is_due(&self) -> bool {
        const AGAIN: Duration = Duration::from_millis(100);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() > AGAIN);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

/// What became of an event that was to be enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Enqueued {
    /// It is in the outbox, once the transaction commits.
    New,
    /// The same event was there before: a sale by its transaction id, a refund by that and its refund id, a lead by its customer
    /// and click. Whatever else it says, and whatever became of it: a dead letter is [corrected](Outbox::replay_as), and what
    /// somebody has discarded is not sent.
    Known,
}

#[cfg(feature = "sqlite")]
impl Outbox<sqlx::Sqlite> {
    /// The outbox in a SQLite database. Its tables must be [migrated](Outbox::migrate).
    ///
    /// # Errors
    ///
    /// None that is known; River may refuse its settings.
    pub fn sqlite(pool: sqlx::SqlitePool) -> Result<Self, Error> {
        Self::new(pool)
    }
}

#[cfg(feature = "postgres")]
impl Outbox<sqlx::Postgres> {
    /// The outbox in a Postgres database, in the schema `affitor`. Its tables must be [migrated](Outbox::migrate).
    ///
    /// # Errors
    ///
    /// None that is known; River may refuse its settings.
    pub fn postgres(pool: sqlx::PgPool) -> Result<Self, Error> {
        Self::new(pool)
    }
}

impl<DB: Database> Outbox<DB> {
    fn new(pool: sqlx::Pool<DB>) -> Result<Self, Error> {
        let client = DB::client(&pool)?.build()?;
        Ok(Self { pool, client, notifier: Arc::default() })
    }

    /// Makes the tables, or brings them up to date. Safe to call at every start, of several processes at a time: it changes nothing
    /// where all is done.
    ///
    /// # Errors
    ///
    /// When the database fails or does not let it.
    pub async fn migrate(&self) -> Result<(), Error> {
        migration::migrate(&self.pool).await
    }

    /// What [`Outbox::migrate`] would do in this database, as SQL, with its own transactions; empty where all is done. For
    /// those who migrate in their own way: print it from an empty database.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn migration_sql(&self) -> Result<String, Error> {
        migration::sql(&self.pool).await
    }

    /// Begins a transaction to write in. On SQLite it takes the write lock at once, which a transaction that reads first would
    /// fail to get later.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn begin(&self) -> Result<sqlx::Transaction<'static, DB>, Error> {
        DB::begin(&self.pool).await
    }

    /// Puts an event into the app's own transaction: it is delivered if the transaction commits, and never if it is rolled
    /// back.
    ///
    /// # Errors
    ///
    /// When the event says too little (a partial refund needs its refund id here), and when the database fails; then roll back.
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

    /// Puts events into the outbox in one transaction.
    pub(crate) async fn enqueue_all(&self, deliveries: &[Delivery]) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        for delivery in deliveries {
            self.insert(&mut tx, delivery.clone()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Puts an event into the outbox by itself, where there is nothing to commit it with.
    ///
    /// # Errors
    ///
    /// As those of [`Outbox::enqueue`].
    pub async fn enqueue_alone(&self, event: impl Into<Event>) -> Result<Enqueued, Error> {
        let delivery = Delivery::new(&event.into())?;
        let mut tx = self.begin().await?;
        let enqueued = self.insert(&mut tx, delivery).await?;
        tx.commit().await?;
        Ok(enqueued)
    }

    /// What became of everything that was enqueued.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn books(&self) -> Result<Books, Error> {
        Ok(Books::of(DB::counts(&self.pool).await?))
    }

    /// The oldest dead letters: what somebody should look at, then [replay](Outbox::replay) or [discard](Outbox::discard).
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn dead(&self, limit: u32) -> Result<Vec<DeadLetter>, Error> {
        self.dead_after(i64::MIN, limit).await
    }

    /// As [`Outbox::dead`], those whose id is above `id`: the next page.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn dead_after(&self, id: i64, limit: u32) -> Result<Vec<DeadLetter>, Error> {
        Ok(DB::dead(&self.pool, id, limit.into()).await?.into_iter().map(dead::read).collect())
    }

    /// The oldest events that were delivered and are uncertain: sales that may lack their commission, refunds that may not have
    /// counted. Compare them with Affitor's dashboard, then [settle](Outbox::settle) them. Those of an id above `after`, at most
    /// `limit`. (Refunds that may have arrived are dead letters.)
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn uncertain(&self, after: i64, limit: u32) -> Result<Vec<UncertainEvent>, Error> {
        Ok(DB::uncertain(&self.pool, after, limit.into()).await?.iter().map(dead::read_uncertain).collect())
    }

    /// Says that somebody has compared an uncertain event: it is no longer counted as such. `false` where there is none with this id.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn settle(&self, id: i64) -> Result<bool, Error> {
        DB::settle(&self.pool, id).await
    }

    /// Delivers a dead letter again; `false` where there is none with this id. Look at the dashboard first whether a
    /// [`Reason::Uncertain`](crate::Reason::Uncertain) one has arrived: this sends it.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn replay(&self, id: i64) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let replayed = DB::replay(&mut tx, &self.client, id, seconds(SystemTime::now())).await?;
        tx.commit().await?;
        Ok(replayed)
    }

    /// Delivers a dead letter again, corrected: with another amount, say. `false` where there is none with this id, and where `event`
    /// is another one: not the same sale, refund or lead. (A row that was written by plain SQL has no key to tell that by: discard it,
    /// and enqueue the right event.)
    ///
    /// # Errors
    ///
    /// As those of [`Outbox::enqueue`].
    pub async fn replay_as(&self, id: i64, event: impl Into<Event>) -> Result<bool, Error> {
        let delivery = Delivery::new(&event.into())?;
        let args = serde_json::to_string(&delivery).unwrap_or_default();
        let mut tx = self.begin().await?;
        let replayed = DB::correct(&mut tx, id, delivery.key(), &args).await?
            && DB::replay(&mut tx, &self.client, id, seconds(SystemTime::now())).await?;
        tx.commit().await?;
        Ok(replayed)
    }

    /// Is done with a dead letter: it stays in the books as discarded. `false` where there is none with this id.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn discard(&self, id: i64) -> Result<bool, Error> {
        DB::discard(&self.pool, id).await
    }
}
