//! The settings of a queue.

use std::{fmt, sync::Arc, time::Duration};

use crate::{client::Client, error::Error, event::Event};

/// Called with each event whose delivery failed permanently.
pub(super) type OnFailure = dyn Fn(&Event, &Error) + Send + Sync;

/// The settings of a queue.
pub(super) struct Settings {
    pub(super) client: Client,
    pub(super) capacity: usize,
    pub(super) senders: usize,
    pub(super) max_age: Duration,
    pub(super) on_failure: Option<Arc<OnFailure>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("capacity", &self.capacity)
            .field("senders", &self.senders)
            .field("max_age", &self.max_age)
            .field("on_failure", &self.on_failure.is_some())
            .finish_non_exhaustive()
    }
}
