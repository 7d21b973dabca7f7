//! Background delivery from memory: a handler returns at once, whatever the service does.
//!
//! Every client with a key has a queue, unless it has a [sink](crate::Client::with_sink). Its thread starts with the first event that is
//! [enqueued](crate::Client::enqueue). Before the app ends, [shut the client down](crate::Client::shutdown):
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use affitor::{Client, Lead};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::from_env()?;
//!
//! client.enqueue(Lead::new("user_7")); // in a handler: nothing to await, no error to handle
//!
//! // After the server has stopped: accept nothing more, and deliver what is waiting within 10 seconds.
//! let stats = client.shutdown(Duration::from_secs(10)).await;
//! println!("{} recorded, {} left", stats.recorded, stats.pending);
//! # Ok(()) }
//! ```
//!
//! - **Bounded**: 10,000 events by default. A full queue refuses events: [`Client::enqueue`](crate::Client::enqueue) logs an error, and
//!   [`QueueStats::refused`] grows.
//! - **Ordered where it matters**: events of one customer, click or transaction are sent one after the other, so a lead before its
//!   sale and a sale before its refund. Unrelated events are sent concurrently. A failing event never blocks unrelated ones.
//! - **Retried** for an hour after a network failure, a 429 or 5xx status, and while the API key or URL is wrong: with full
//!   jitter, at most a minute apart, and not before the delay requested by the service. An event that the service rejects is
//!   not retried, and neither is a partial refund that may have arrived: both are logged and passed to
//!   [`QueueSettings::on_failure`].
//! - **On its own thread**: a runtime that is busy or shutting down does not delay it, and it works without one.
//!
//! Events in memory are lost with the process: at `kill -9`, and if `main` returns without a shutdown. What a shutdown could not deliver
//! in time is logged with its ids.

mod backoff;
mod lanes;
mod settings;
mod state;
mod stats;
mod worker;

use std::{fmt, sync::Arc, time::Duration};

pub use self::{settings::QueueSettings, stats::QueueStats};

use self::worker::Shared;
use crate::{event::Event, sink::EnqueueError, wire::Connection};

/// The queue of a client. When it is dropped, its thread delivers what is left and ends.
pub(crate) struct Queue(Arc<Shared>);

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.close(None);
    }
}

impl Queue {
    /// Creates a queue that sends through this connection. Its thread starts with the first event.
    pub(crate) fn new(connection: Arc<Connection>, settings: QueueSettings) -> Self {
        Self(Arc::new(Shared::new(connection, settings)))
    }

    /// Accepts an event that is valid.
    pub(crate) fn accept(&self, event: Event) -> Result<(), EnqueueError> {
        worker::accept(&self.0, event)
    }

    pub(crate) fn stats(&self) -> QueueStats {
        self.0.stats()
    }

    /// Waits for the events that were accepted before. Returns how many are still pending.
    pub(crate) async fn flush(&self, limit: Duration) -> usize {
        self.0.flush(limit).await
    }

    /// Needs no timer, so it works in a runtime that is shutting down.
    pub(crate) async fn shutdown(&self, limit: Duration) -> QueueStats {
        self.0.close(Some(limit));
        self.0.ended().await;
        self.stats()
    }

    pub(crate) fn shutdown_blocking(&self, limit: Duration) -> QueueStats {
        self.0.close(Some(limit));
        self.0.wait_until_ended();
        self.stats()
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
