//! Delivery in the background, from memory: a handler returns at once, whatever the service does.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use affitor::{Client, Lead, queue::Queue};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::from_env()?;
//! let queue = Queue::start(client.clone())?;
//! let client = client.deliver_with(queue.clone()); // for the layer, and for all that enqueues
//!
//! client.enqueue_lead(Lead::new("user_7")); // in a handler: nothing to wait for, nothing to handle
//!
//! // When the server has stopped: nothing more is taken, and what is waiting has 10 seconds.
//! let books = queue.shutdown(Duration::from_secs(10)).await;
//! println!("{} recorded, {} left behind", books.recorded, books.pending);
//! # Ok(()) }
//! ```
//!
//! - **Bounded**: 10,000 events. A full queue takes nothing more: one line in the log and one more [`Books::refused`].
//! - **In order where it matters**: events of one customer, click or transaction are sent one after the other, a lead before its
//!   sale and a sale before its refund; all others beside each other. One that can't be sent holds up nobody else.
//! - **Again** after a network failure, 429, 5xx, a wrong key or URL: with full jitter, up to a minute apart, no sooner than the
//!   service asks, for an hour. What the service refuses is not sent again, and neither is a partial refund that may have
//!   arrived: these end in the log and in [`QueueBuilder::on_failure`].
//! - **On a thread of its own**, so that neither a busy nor a closing runtime holds it up, and it can be used without one.
//!
//! What is in memory is lost with the process: at `kill -9`, and when `main` ends without [`Queue::shutdown`].

mod backoff;
mod books;
mod builder;
mod lanes;
mod state;
mod worker;

use std::{fmt, io, sync::Arc, time::Duration};

pub use books::Books;
pub use builder::QueueBuilder;

use self::worker::Shared;
use crate::{Client, Deliver, Event, NotQueued};

/// Delivers events in the background, from memory. Cheap to clone. See the [module](self).
#[derive(Clone)]
pub struct Queue {
    handle: Arc<Handle>,
}

/// What all clones share. When the last one goes, nothing more can come, and the thread ends once all is done.
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close(None);
    }
}

impl Queue {
    /// Starts a queue with the defaults of [`QueueBuilder`]. It sends with this client.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn start(client: Client) -> io::Result<Self> {
        Self::builder(client).start()
    }

    /// Makes one step by step.
    pub fn builder(client: Client) -> QueueBuilder {
        QueueBuilder::new(client)
    }

    fn new(shared: Arc<Shared>) -> Self {
        Self { handle: Arc::new(Handle { shared }) }
    }

    /// The books as they are now.
    pub fn books(&self) -> Books {
        self.handle.shared.books()
    }

    /// Takes nothing more, sends what is waiting, and says how it ended: when all is done, or after `deadline`. What is being
    /// sent at that moment may arrive or not; it is `pending`, with all that is still waiting.
    ///
    /// Needs no timer, so it works in a runtime that is being shut down. Where there is none: [`Queue::shutdown_blocking`].
    pub async fn shutdown(&self, deadline: Duration) -> Books {
        self.handle.shared.close(Some(deadline));
        self.handle.shared.ended().await;
        self.books()
    }

    /// As [`Queue::shutdown`], blocking the thread.
    pub fn shutdown_blocking(&self, deadline: Duration) -> Books {
        self.handle.shared.close(Some(deadline));
        self.handle.shared.wait_until_ended();
        self.books()
    }
}

impl Deliver for Queue {
    fn deliver(&self, event: Event) -> Result<(), NotQueued> {
        event.validate().map_err(NotQueued::Invalid)?;
        self.handle.shared.take(event)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("books", &self.books()).finish_non_exhaustive()
    }
}
