//! The settings of a queue.

use std::{fmt, sync::Arc, time::Duration};

use crate::{error::Error, event::Event};

/// Called with each event whose delivery failed permanently.
type OnFailure = dyn Fn(&Event, &Error) + Send + Sync;

/// The settings of a client's [queue](super), for [`ClientBuilder::queue`](crate::ClientBuilder::queue).
///
/// ```
/// use std::time::Duration;
///
/// use affitor::{Client, queue::QueueSettings};
///
/// let settings = QueueSettings::new()
///     .capacity(50_000)
///     .max_age(Duration::from_secs(6 * 60 * 60))
///     .on_failure(|event, error| eprintln!("{event:?} failed permanently: {error}"));
/// let client = Client::builder().api_key("aff_0123456789").queue(settings).build()?;
/// # Ok::<(), affitor::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "settings do nothing until a client has them"]
pub struct QueueSettings {
    pub(super) capacity: usize,
    pub(super) senders: usize,
    pub(super) max_age: Duration,
    pub(super) on_failure: Option<Arc<OnFailure>>,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { capacity: 10_000, senders: 16, max_age: Duration::from_secs(60 * 60), on_failure: None }
    }
}

impl QueueSettings {
    /// Creates the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many events can wait. Default: 10,000. Minimum: 1.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.max(1);
        self
    }

    /// Sets how many events are sent concurrently. Default: 16. Minimum: 1.
    pub fn senders(mut self, senders: usize) -> Self {
        self.senders = senders.max(1);
        self
    }

    /// Sets for how long an event is retried. Default: an hour.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Sets a function that is called with each event whose delivery failed permanently: rejected by the service, too old, or a
    /// partial refund that may have arrived. It runs on the queue's thread, so it must not block for long.
    pub fn on_failure(mut self, call: impl Fn(&Event, &Error) + Send + Sync + 'static) -> Self {
        self.on_failure = Some(Arc::new(call));
        self
    }
}

impl fmt::Debug for QueueSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueSettings")
            .field("capacity", &self.capacity)
            .field("senders", &self.senders)
            .field("max_age", &self.max_age)
            .field("on_failure", &self.on_failure.is_some())
            .finish()
    }
}
