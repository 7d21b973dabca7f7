//! Delivering what is in the outbox.

use std::{fmt, time::Duration};

use affitor::ClientBuilder;
use riverqueue::{MaintenanceConfig, QueueConfig, Retention, RunHandle, Workers};

use crate::{
    Database, Error, Outbox,
    delivery::QUEUE,
    keeper::{self, Alive},
    migration,
    sender::{ByAge, CALL, JOB, Sender},
};

/// How long what is being sent is waited for at the end.
const SHUTDOWN: Duration = JOB.saturating_add(Duration::from_secs(2));

/// As many as River takes.
const MOST_SENDERS: usize = 10_000;

/// For how long what is delivered is kept.
const COMPLETED_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Longer than dates go: for ever.
const LONGEST_KEPT: Duration = Duration::from_secs(1_000 * 365 * 24 * 60 * 60);

/// Makes a [`Worker`].
#[must_use = "a builder does nothing until it starts"]
pub struct WorkerBuilder<DB: Database> {
    outbox: Outbox<DB>,
    client: ClientBuilder,
    senders: usize,
    completed_kept: Duration,
}

impl<DB: Database> fmt::Debug for WorkerBuilder<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerBuilder")
            .field("client", &self.client)
            .field("senders", &self.senders)
            .finish_non_exhaustive()
    }
}

impl<DB: Database> WorkerBuilder<DB> {
    pub(crate) fn new(outbox: Outbox<DB>, client: ClientBuilder) -> Self {
        Self { outbox, client, senders: 50, completed_kept: COMPLETED_KEPT }
    }

    /// Sets how many events are sent at a time: 50 unless set, from 1 to 10,000.
    pub fn senders(mut self, senders: usize) -> Self {
        self.senders = senders.clamp(1, MOST_SENDERS);
        self
    }

    /// Sets for how long what is delivered is kept, and with it the memory that it was: 30 days unless set. The books count it for
    /// ever. Partial refunds, and what is uncertain, are kept for ever: for a sale the service itself remembers.
    pub fn completed_kept(mut self, for_so_long: Duration) -> Self {
        self.completed_kept = for_so_long;
        self
    }

    /// Starts it, in the runtime that this is called in.
    ///
    /// # Errors
    ///
    /// When the client can't be made (there is no key), the database fails or is not migrated, and where an app's own River uses the
    /// same tables, which is possible on SQLite: River gives up stuck jobs of kinds that it does not know, and so would this worker.
    /// There it is [registered](Outbox::register) with the app's. (On Postgres a schema keeps them apart.)
    pub async fn start(self) -> Result<Worker, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::no_runtime());
        }
        if !migration::is_done(&self.outbox.pool).await? {
            return Err(Error::not_migrated());
        }
        if let Some(what) = DB::foreign(&self.outbox.pool).await? {
            return Err(Error::foreign(what));
        }
        let retention = if self.completed_kept > LONGEST_KEPT {
            Retention::Keep
        } else {
            Retention::DeleteAfter(self.completed_kept)
        };
        let (sender, alive) = sender(&self.outbox, self.client, true)?;
        let mut workers = Workers::new();
        workers.add(sender)?;
        let river = DB::client(&self.outbox.pool)?
            .workers(workers)
            .queue(QUEUE, QueueConfig::new(self.senders))
            .fetch_cooldown(Duration::from_millis(20))
            .retry_policy(ByAge)
            .maintenance(maintenance().with_completed_job_retention(retention))
            .build()?;
        Ok(Worker { handle: river.start()?, _alive: alive })
    }
}

/// What River has to work the outbox's jobs with.
fn sender<DB: Database>(outbox: &Outbox<DB>, client: ClientBuilder, alone: bool) -> Result<(Sender<DB>, Alive), Error> {
    // River tries again, and remembers what was lost; the client must not do so on its own.
    let client = client.max_attempts(1).timeout(CALL).request_timeout(CALL).build()?;
    let pool = outbox.pool.clone();
    let alive = keeper::start(pool.clone(), alone)?;
    Ok((Sender::new(client, pool, alive.clone()), alive))
}

impl<DB: Database> Outbox<DB> {
    /// A worker that delivers what is in the outbox, to spawn in the app or in a process of its own. Several may work at a time.
    pub fn worker(&self, client: ClientBuilder) -> WorkerBuilder<DB> {
        WorkerBuilder::new(self.clone(), client)
    }
}

#[cfg(feature = "sqlite")]
impl Outbox<riverqueue::sqlx::Sqlite> {
    /// Lets the app's own River deliver what is in the outbox, where both use the same tables: on SQLite. Its client then works the
    /// queue [`QUEUE`], and needs [`maintenance()`].
    ///
    /// ```no_run
    /// use affitor::ClientBuilder;
    /// use affitor_outbox::{
    ///     Outbox,
    ///     riverqueue::{Client, Error, QueueConfig, Workers},
    ///     sqlx::{Sqlite, SqlitePool},
    /// };
    ///
    /// # fn run(pool: SqlitePool, outbox: Outbox<Sqlite>, affitor: ClientBuilder) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut workers = Workers::new();
    /// // workers.add(…): the app's own
    /// outbox.register(&mut workers, affitor)?;
    /// let river = Client::builder(pool)
    ///     .workers(workers)
    ///     .queue("default", QueueConfig::new(10))
    ///     .queue(affitor_outbox::QUEUE, QueueConfig::new(50))
    ///     .maintenance(affitor_outbox::maintenance())
    ///     .build()?;
    /// let running = river.start()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the client can't be made (there is no key), outside of a Tokio runtime, and when it is registered already. Whether the
    /// tables are [migrated](Outbox::migrate) is not asked.
    pub fn register(&self, workers: &mut Workers, client: ClientBuilder) -> Result<(), Error> {
        let (sender, _) = sender(self, client, false)?;
        workers.add(sender)?;
        Ok(())
    }
}

/// What the outbox needs of the River that works its events: what was being sent by a process that died is sent again after a
/// minute, not an hour, and what is delivered is remembered for 30 days, not one. Jobs that were discarded or cancelled are kept for
/// ever; an app may set other times, since the outbox's dead letters, uncertain events and partial refunds stay in any case.
pub fn maintenance() -> MaintenanceConfig {
    MaintenanceConfig::default()
        .with_rescue_after(Duration::from_secs(60))
        .with_rescuer_interval(Duration::from_secs(10))
        .with_scheduler_interval(Duration::from_secs(1))
        .with_completed_job_retention(Retention::DeleteAfter(COMPLETED_KEPT))
        .with_discarded_job_retention(Retention::Keep)
        .with_cancelled_job_retention(Retention::Keep)
}

/// A worker that is running. Dropped, it takes nothing more, and ends what it is sending if the runtime lets it; otherwise that is tried
/// again after a minute.
#[must_use = "a worker stops when it is dropped"]
pub struct Worker {
    handle: RunHandle,
    _alive: Alive,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    /// Waits until it has stopped by itself, which it should not: with an error of River's. Dropping the future changes nothing.
    ///
    /// # Errors
    ///
    /// Why it has stopped.
    pub async fn wait(&mut self) -> Result<(), Error> {
        Ok(self.handle.wait().await?)
    }

    /// Takes nothing more from the outbox, and waits for what is being sent: 22 seconds at most. The rest stays for the next worker.
    ///
    /// # Errors
    ///
    /// When the database has failed, or does not answer.
    pub async fn shutdown(mut self) -> Result<(), Error> {
        match tokio::time::timeout(SHUTDOWN, self.handle.stop()).await {
            Ok(stopped) => Ok(stopped?),
            Err(_) => Err(Error::shutdown()),
        }
    }
}
