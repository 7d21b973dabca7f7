//! A gate that suspends all sending of a worker after the service refuses its API key or URL.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const CLOSED: Duration = Duration::from_secs(30);

/// Closed for half a minute at a time, so that only a few events test the key until it is fixed.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    opens_at: Mutex<Option<Instant>>,
}

impl Gate {
    /// Returns how long the gate is still closed, or `None` if it is open.
    pub(crate) fn closed(&self) -> Option<Duration> {
        let opens_at = *self.opens_at.lock().unwrap_or_else(PoisonError::into_inner);
        opens_at?.checked_duration_since(Instant::now())
    }

    /// Closes the gate for half a minute. Returns whether it was open.
    pub(crate) fn close(&self) -> bool {
        let now = Instant::now();
        let mut opens_at = self.opens_at.lock().unwrap_or_else(PoisonError::into_inner);
        let was_open = opens_at.is_none_or(|at| at <= now);
        *opens_at = Some(now + CLOSED);
        was_open
    }
}
