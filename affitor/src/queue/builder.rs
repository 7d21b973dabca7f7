//! Building a queue.

use std::{io, sync::Arc, time::Duration};

use super::{Queue, settings::Settings, worker};
use crate::{client::Client, error::Error, event::Event};

/// Builds a [`Queue`].
///
/// ```no_run
/// use std::time::Duration;
///
/// use affitor::{Client, queue::Queue};
///
/// # fn run(client: Client) -> std::io::Result<()> {
/// let queue = Queue::builder(client)
///     .capacity(50_000)
///     .max_age(Duration::from_secs(6 * 60 * 60))
///     .on_failure(|event, error| eprintln!("{event:?} failed permanently: {error}"))
///     .start()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until it starts"]
pub struct QueueBuilder(Settings);

impl QueueBuilder {
    pub(super) fn new(client: Client) -> Self {
        let max_age = Duration::from_secs(60 * 60);
        Self(Settings { client, capacity: 10_000, senders: 16, max_age, on_failure: None })
    }

    /// Sets how many events can wait. Default: 10,000. Minimum: 1.
    pub fn capacity(mut self, events: usize) -> Self {
        self.0.capacity = events.max(1);
        self
    }

    /// Sets how many events are sent concurrently. Default: 16. Minimum: 1.
    pub fn senders(mut self, senders: usize) -> Self {
        self.0.senders = senders.max(1);
        self
    }

    /// Sets for how long an event is retried. Default: an hour.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.0.max_age = age;
        self
    }

    /// Sets a function that is called with each event whose delivery failed permanently: rejected by the service, too old, or a
    /// partial refund that may have arrived. It runs on the queue's thread, so it must not block for long.
    pub fn on_failure(mut self, call: impl Fn(&Event, &Error) + Send + Sync + 'static) -> Self {
        self.0.on_failure = Some(Arc::new(call));
        self
    }

    /// Starts the queue's thread.
    ///
    /// # Errors
    ///
    /// Returns an error if the thread can't be started.
    pub fn start(self) -> io::Result<Queue> {
        worker::start(self.0).map(Queue::new)
    }
}
