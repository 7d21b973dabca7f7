//! Durable delivery in one call: tables, worker, and the client for the app's layer.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use affitor::{Client, EnqueueError, Event, EventSink};
use tokio::time::Instant;

use crate::{Database, Enqueuer, Error, Outbox, Worker};

impl<DB: Database> Outbox<DB> {
    /// Starts durable delivery in this process: creates or updates the tables, starts a worker, and returns the client for the layer.
    /// What is enqueued with that client is stored, and then delivered. The payment ledger reports payments of the client's program,
    /// unless its settings name another one.
    ///
    /// If the client is [disabled](Client::disabled), the outbox is [disabled](Outbox::disabled) too, and the database is not used. If
    /// the client records events for a test, there is no worker.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use affitor::Client;
    /// use affitor_outbox::{Outbox, sqlx::SqlitePool};
    ///
    /// # async fn run(pool: SqlitePool) -> Result<(), Box<dyn std::error::Error>> {
    /// let running = Outbox::sqlite(pool).start(Client::from_env()?).await?;
    /// let client = running.client(); // for the layer
    /// let outbox = running.outbox(); // for `enqueue` in your own transactions
    ///
    /// // After the server has stopped:
    /// running.shutdown(Duration::from_secs(8)).await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Awaiting it returns the same errors as [`migrate`](Outbox::migrate) and [`WorkerBuilder::start`](crate::WorkerBuilder::start).
    pub fn start(self, client: Client) -> StartOutbox<DB> {
        StartOutbox { outbox: self, client, migrates: true, works: true }
    }
}

/// Starts durable delivery when it is awaited. See [`Outbox::start`].
#[must_use = "nothing starts until it is awaited"]
pub struct StartOutbox<DB: Database> {
    outbox: Outbox<DB>,
    client: Client,
    migrates: bool,
    works: bool,
}

impl<DB: Database> fmt::Debug for StartOutbox<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartOutbox")
            .field("outbox", &self.outbox)
            .field("migrates", &self.migrates)
            .field("works", &self.works)
            .finish_non_exhaustive()
    }
}

impl<DB: Database> StartOutbox<DB> {
    /// Leaves the tables as they are: your own migrations create them, or `affitor outbox migrate`.
    pub fn without_migration(mut self) -> Self {
        self.migrates = false;
        self
    }

    /// Starts no worker: another process delivers the events, such as `affitor outbox work`.
    pub fn without_worker(mut self) -> Self {
        self.works = false;
        self
    }

    async fn start(self) -> Result<RunningOutbox<DB>, Error> {
        let Self { outbox, client, migrates, works } = self;
        #[cfg(feature = "webhooks")]
        let outbox = outbox.for_program_of(&client);
        // A client that records events for a test has a sink.
        if client.is_disabled() && !client.has_sink() {
            tracing::warn!(
                "the outbox is disabled, like its client: no event is stored, and payment webhooks are not recorded"
            );
            return Ok(RunningOutbox { outbox: outbox.disabled(), client });
        }
        if migrates {
            outbox.migrate().await?;
        }
        if client.is_disabled() {
            return Ok(RunningOutbox { outbox, client });
        }
        let worker = if works { Some(outbox.worker(client.clone()).start().await?) } else { None };
        let client = client.with_sink(Delivery { enqueuer: outbox.enqueuer()?, worker: Mutex::new(worker) });
        Ok(RunningOutbox { outbox, client })
    }
}

impl<DB: Database> IntoFuture for StartOutbox<DB> {
    type Output = Result<RunningOutbox<DB>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

/// An outbox whose events are delivered. The delivery goes on until [`shutdown`](Self::shutdown), or until the last clone of its client
/// is dropped.
pub struct RunningOutbox<DB: Database> {
    outbox: Outbox<DB>,
    client: Client,
}

impl<DB: Database> Clone for RunningOutbox<DB> {
    fn clone(&self) -> Self {
        Self { outbox: self.outbox.clone(), client: self.client.clone() }
    }
}

impl<DB: Database> fmt::Debug for RunningOutbox<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningOutbox").field("outbox", &self.outbox).finish_non_exhaustive()
    }
}

impl<DB: Database> RunningOutbox<DB> {
    /// Returns the client for the app's layer. What is enqueued with it is stored in the outbox within milliseconds, outside of your
    /// own transactions.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the outbox, to enqueue events and record payments in your own transactions.
    pub fn outbox(&self) -> &Outbox<DB> {
        &self.outbox
    }

    /// Stores what is enqueued and not stored yet, then lets the worker finish the calls that it has begun, all within `limit`. What
    /// is stored stays in the outbox. What could not be stored is lost, and logged with its ids.
    ///
    /// [`Client::shutdown`] of the client does the same.
    pub async fn shutdown(&self, limit: Duration) {
        self.client.shutdown(limit).await;
    }
}

#[cfg(feature = "webhooks")]
impl<DB: Database> Outbox<DB> {
    /// Payments of other programs are not reported.
    fn for_program_of(self, client: &Client) -> Self {
        match client.program_id() {
            Some(id) if self.payment_settings().get_program_id().is_none() => {
                let settings = crate::PaymentSettings::clone(&self.payments).program_id(id);
                self.with_payment_settings(settings)
            }
            _ => self,
        }
    }
}

/// What the client does with its events.
struct Delivery {
    enqueuer: Enqueuer,
    worker: Mutex<Option<Worker>>,
}

impl EventSink for Delivery {
    fn accept(&self, event: Event) -> Result<(), EnqueueError> {
        self.enqueuer.accept(event)
    }

    fn shutdown(&self, limit: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let started = Instant::now();
            self.enqueuer.shutdown(limit).await;
            let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(worker) = worker
                && let Err(error) = worker.stop(limit.saturating_sub(started.elapsed())).await
            {
                tracing::warn!(%error, "the calls that the outbox's worker had begun may be repeated");
            }
        })
    }
}
