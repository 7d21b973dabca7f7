//! Background delivery from memory: a handler returns at once, whatever the service does.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use affitor::{Client, Lead, queue::Queue};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::from_env()?;
//! let queue = Queue::start(client.clone())?;
//! let client = client.with_sink(queue.clone()); // pass this client to the layer
//!
//! client.enqueue(Lead::new("user_7")); // in a handler: nothing to await, no error to handle
//!
//! // After the server has stopped: accept nothing more, and deliver what is waiting within 10 seconds.
//! let stats = queue.shutdown(Duration::from_secs(10)).await;
//! println!("{} recorded, {} left", stats.recorded, stats.pending);
//! # Ok(()) }
//! ```
//!
//! - **Bounded**: 10,000 events by default. A full queue refuses events: [`Client::enqueue`] logs an error, and
//!   [`QueueStats::refused`] grows.
//! - **Ordered where it matters**: events of one customer, click or transaction are sent one after the other, so a lead before its
//!   sale and a sale before its refund. Unrelated events are sent concurrently. A failing event never blocks unrelated ones.
//! - **Retried** for an hour after a network failure, a 429 or 5xx status, and while the API key or URL is wrong: with full
//!   jitter, at most a minute apart, and not before the delay requested by the service. An event that the service rejects is
//!   not retried, and neither is a partial refund that may have arrived: both are logged and passed to
//!   [`QueueBuilder::on_failure`].
//! - **On its own thread**: a runtime that is busy or shutting down does not delay it, and it works without one.
//!
//! Events in memory are lost with the process: at `kill -9`, and if `main` returns without [`Queue::shutdown`].

mod backoff;
mod builder;
mod lanes;
mod settings;
mod state;
mod stats;
mod worker;

use std::{fmt, io, sync::Arc, time::Duration};

pub use builder::QueueBuilder;
pub use stats::QueueStats;

use self::worker::Shared;
use crate::{
    client::Client,
    event::Event,
    sink::{EnqueueError, EventSink},
};

/// Delivers events in the background from memory. Cheap to clone. See the [module documentation](self).
#[derive(Clone)]
pub struct Queue {
    handle: Arc<Handle>,
}

/// Shared by all clones. When the last one is dropped, the thread delivers what is left and ends.
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close(None);
    }
}

impl Queue {
    /// Starts a queue with the default settings of [`QueueBuilder`]. It sends events with this client.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue's thread can't be started.
    pub fn start(client: Client) -> io::Result<Self> {
        Self::builder(client).start()
    }

    /// Returns a builder with the default settings.
    pub fn builder(client: Client) -> QueueBuilder {
        QueueBuilder::new(client)
    }

    fn new(shared: Arc<Shared>) -> Self {
        Self { handle: Arc::new(Handle { shared }) }
    }

    /// Returns the current totals.
    pub fn stats(&self) -> QueueStats {
        self.handle.shared.stats()
    }

    /// Waits until every event that was accepted before the call is delivered or has failed permanently, at most until
    /// `deadline`. Returns the number of those that are still pending: 0 if there are none. The queue stays open.
    ///
    /// For jobs, tests, and functions that are frozen after their response: flush before the response is sent.
    ///
    /// ```
    /// # async fn run(queue: affitor::queue::Queue) {
    /// use std::time::Duration;
    ///
    /// let left = queue.flush(Duration::from_secs(2)).await;
    /// assert_eq!(left, 0, "the service is slow or unavailable");
    /// # }
    /// ```
    ///
    /// Needs no timer, like [`Queue::shutdown`].
    pub async fn flush(&self, deadline: Duration) -> usize {
        self.handle.shared.flush(deadline).await
    }

    /// Closes the queue, delivers what is waiting, and returns the totals: as soon as the queue is empty, or after `deadline`. An
    /// event that is being sent at the deadline may or may not arrive; it counts as `pending`, like those that still wait.
    ///
    /// Needs no timer, so it works in a runtime that is shutting down. Without a runtime use [`Queue::shutdown_blocking`].
    pub async fn shutdown(&self, deadline: Duration) -> QueueStats {
        self.handle.shared.close(Some(deadline));
        self.handle.shared.ended().await;
        self.stats()
    }

    /// Like [`Queue::shutdown`], but blocks the current thread.
    pub fn shutdown_blocking(&self, deadline: Duration) -> QueueStats {
        self.handle.shared.close(Some(deadline));
        self.handle.shared.wait_until_ended();
        self.stats()
    }
}

impl EventSink for Queue {
    fn accept(&self, event: Event) -> Result<(), EnqueueError> {
        event.validate().map_err(EnqueueError::Invalid)?;
        self.handle.shared.accept(event)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
