//! Workers, which deliver the events in the outbox.

use std::{fmt, sync::Arc, time::Duration};

use affitor::Client;
use riverqueue::{MaintenanceConfig, QueueConfig, Retention, RunHandle, Workers, sqlx};

use crate::{
    Database, Error, Outbox,
    breaker::Breaker,
    keeper::{self, Alive, Keeping},
    migration, retention,
    sender::{ByAttempts, CALL_TIMEOUT, JOB_TIMEOUT, Sender},
};

/// How long a shutdown waits for events in flight.
const SHUTDOWN_TIMEOUT: Duration = JOB_TIMEOUT.saturating_add(Duration::from_secs(2));

/// River's limit.
const MAX_SENDERS: usize = 10_000;

/// Default of the minimum interval between two fetches.
const DEFAULT_FETCH_INTERVAL: Duration = Duration::from_millis(20);

/// Builds a [`Worker`].
#[must_use = "a builder does nothing until it starts"]
pub struct WorkerBuilder<DB: Database> {
    outbox: Outbox<DB>,
    client: Client,
    senders: usize,
    keep_completed: Option<Duration>,
    fetch_interval: Duration,
    listen: bool,
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
    pub(crate) fn new(outbox: Outbox<DB>, client: Client) -> Self {
        Self { outbox, client, senders: 50, keep_completed: None, fetch_interval: DEFAULT_FETCH_INTERVAL, listen: true }
    }

    /// Sets how many events are sent concurrently. Default: 50. Range: 1 to 10,000.
    pub fn senders(mut self, senders: usize) -> Self {
        self.senders = senders.clamp(1, MAX_SENDERS);
        self
    }

    /// Sets how long delivered rows are kept. Default: 30 days. During this time the outbox recognises duplicates. Later, the service
    /// still recognises duplicates of leads, sales and full refunds. Partial refunds, uncertain events and the totals are kept forever.
    ///
    /// The value is stored in the database, for this queue, so that workers in other processes use it too. If processes set different
    /// values, the longest is used. A value that no process has set during the last 30 days no longer counts. [`Outbox::retention`] returns it.
    pub fn keep_completed(mut self, duration: Duration) -> Self {
        self.keep_completed = Some(duration);
        self
    }

    /// Sets the pool that the worker uses instead of the outbox's. Use it so that a busy worker takes no connections from the
    /// app, or so that the worker has a direct connection while the app goes through a connection pooler.
    pub fn pool(mut self, pool: sqlx::Pool<DB>) -> Self {
        self.outbox.store = self.outbox.store.with_pool(pool);
        self
    }

    /// Sets the minimum interval between two fetches of up to `senders` events. Default: 20 milliseconds. Minimum: 1
    /// millisecond. With [`senders`](Self::senders) it limits the events per second.
    pub fn fetch_interval(mut self, interval: Duration) -> Self {
        self.fetch_interval = interval.clamp(Duration::from_millis(1), Duration::from_secs(1));
        self
    }

    /// Does not listen for notifications of Postgres, which need a connection that stays open. New events are then fetched
    /// within about a second. Needed behind a connection pooler in transaction mode.
    pub fn without_listen(mut self) -> Self {
        self.listen = false;
        self
    }

    /// Starts the worker in the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns an error if the client is [disabled](Client::disabled); if the database fails or is not migrated; if the app's own River uses the same tables, which is possible on SQLite. River discards stuck jobs of
    /// unknown kinds, so two of them must not share tables: register the outbox with the app's River instead (feature `river`). (On
    /// Postgres the outbox has its own schema.)
    pub async fn start(self) -> Result<Worker, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::no_runtime());
        }
        let store = &self.outbox.store;
        migration::check(store).await?;
        if let Some(name) = DB::foreign(store).await? {
            return Err(Error::foreign(name));
        }
        if let Some(keep) = self.keep_completed {
            retention::say(store, retention::Kind::Completed, keep).await?;
        }
        let breaker = Arc::new(Breaker::default());
        let keeping = Keeping { completed: self.keep_completed, is_exclusive: true };
        let (sender, alive) = sender(&self.outbox, &self.client, Arc::clone(&breaker), keeping)?;
        let mut workers = Workers::new();
        workers.add(sender).map_err(Error::river)?;
        let mut river = DB::client(store)?
            .workers(workers)
            .queue(&*store.queue, QueueConfig::new(self.senders))
            .fetch_cooldown(self.fetch_interval)
            .retry_policy(ByAttempts)
            // The keeper deletes them.
            .maintenance(maintenance().with_completed_job_retention(Retention::Keep));
        if !self.listen {
            river = river.without_notifications();
        }
        let handle = river.build().and_then(|river| river.start()).map_err(Error::river)?;
        Ok(Worker { handle, breaker, _alive: alive })
    }
}

/// Creates the River worker for the outbox's jobs and starts its background tasks.
fn sender<DB: Database>(
    outbox: &Outbox<DB>,
    client: &Client,
    breaker: Arc<Breaker>,
    keeping: Keeping,
) -> Result<(Sender<DB>, Alive), Error> {
    // The client must not retry: River retries, and the job records whether an attempt may have arrived.
    let client = client.for_worker(CALL_TIMEOUT).ok_or_else(Error::no_service)?;
    let alive = keeper::start(outbox.clone(), client.clone(), keeping)?;
    Ok((Sender::new(client, outbox.store.clone(), breaker, alive.clone()), alive))
}

impl<DB: Database> Outbox<DB> {
    /// Returns a builder for a worker that delivers the events in the outbox, in the app or in a process of its own.
    /// Several workers may run at the same time. The worker sends with a client of its own, which has the connection, the key and
    /// the settings of `client`.
    pub fn worker(&self, client: Client) -> WorkerBuilder<DB> {
        WorkerBuilder::new(self.clone(), client)
    }
}

#[cfg(all(feature = "sqlite", feature = "river"))]
impl Outbox<sqlx::Sqlite> {
    /// Lets the app's own River deliver the events in the outbox, because on SQLite both use the same tables. The app's
    /// River client must work the queue [`Outbox::queue`] with the settings of [`maintenance()`]. One outbox can be registered, so
    /// an app that serves several programs can't use this.
    ///
    /// ```no_run
    /// use affitor::Client as Affitor;
    /// use affitor_outbox::{
    ///     Outbox,
    ///     riverqueue::{Client, Error, QueueConfig, Workers},
    ///     sqlx::{Sqlite, SqlitePool},
    /// };
    ///
    /// # fn run(pool: SqlitePool, outbox: Outbox<Sqlite>, affitor: Affitor) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut workers = Workers::new();
    /// // workers.add(…): the app's own
    /// outbox.register(&mut workers, affitor)?;
    /// let river = Client::builder(pool)
    ///     .workers(workers)
    ///     .queue("default", QueueConfig::new(10))
    ///     .queue(outbox.queue(), QueueConfig::new(50))
    ///     .maintenance(affitor_outbox::maintenance())
    ///     .build()?;
    /// let running = river.start()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the client is [disabled](Client::disabled); outside a Tokio runtime; if the
    /// outbox is already registered. It does not check whether the tables are [migrated](Outbox::migrate).
    #[expect(clippy::needless_pass_by_value, reason = "like `worker`, which keeps it")]
    pub fn register(&self, workers: &mut Workers, client: Client) -> Result<(), Error> {
        let (sender, _) = sender(self, &client, Arc::default(), Keeping { completed: None, is_exclusive: false })?;
        workers.add(sender).map(drop).map_err(Error::river)
    }
}

/// Returns the maintenance settings that a River client needs for the outbox: an event whose process died is retried
/// after a minute instead of an hour, and delivered events are kept for 30 days instead of one. Discarded and cancelled
/// jobs are kept forever. An app may change these settings: the outbox's dead letters, uncertain events and partial
/// refunds are kept in any case.
#[cfg_attr(not(feature = "river"), expect(unreachable_pub, reason = "public for apps with a River of their own"))]
pub fn maintenance() -> MaintenanceConfig {
    MaintenanceConfig::default()
        .with_rescue_after(Duration::from_secs(60))
        .with_rescuer_interval(Duration::from_secs(10))
        .with_scheduler_interval(Duration::from_secs(1))
        .with_completed_job_retention(Retention::DeleteAfter(retention::COMPLETED))
        .with_discarded_job_retention(Retention::Keep)
        .with_cancelled_job_retention(Retention::Keep)
}

/// A running worker. When it is dropped, it takes no more events, and finishes those in flight if the runtime keeps
/// running. Otherwise they are retried after a minute.
#[must_use = "a worker stops when it is dropped"]
pub struct Worker {
    handle: RunHandle,
    breaker: Arc<Breaker>,
    _alive: Alive,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.breaker.stop();
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    /// Waits until the worker stops by itself, which happens only after an error of River. Dropping the future has no
    /// effect.
    ///
    /// # Errors
    ///
    /// Returns the error that stopped the worker.
    pub async fn wait(&mut self) -> Result<(), Error> {
        self.handle.wait().await.map_err(Error::river)
    }

    /// Stops the worker. Waits at most 22 seconds for events in flight. All other events stay in the outbox.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails or does not respond.
    pub async fn shutdown(self) -> Result<(), Error> {
        self.stop(SHUTDOWN_TIMEOUT).await
    }

    /// Stops the worker, and waits at most this long for events in flight.
    pub(crate) async fn stop(mut self, limit: Duration) -> Result<(), Error> {
        self.breaker.stop();
        match tokio::time::timeout(limit, self.handle.stop()).await {
            Ok(stopped) => stopped.map_err(Error::river),
            Err(_) => Err(Error::shutdown()),
        }
    }
}
