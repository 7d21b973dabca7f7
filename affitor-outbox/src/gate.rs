//! What a refused key closes for all events of a worker, so that not each of them asks the service.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const CLOSED: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(crate) struct Gate {
    opens_at: Mutex<Option<Instant>>,
}

impl Gate {
    /// For how long it is still closed.
    pub(crate) fn closed(&self) -> Option<Duration> {
        let opens_at = *self.opens_at.lock().unwrap_or_else(PoisonError::into_inner);
        opens_at?.checked_duration_since(Instant::now())
    }

    /// Closes it for half a minute; whether it was open.
    pub(crate) fn close(&self) -> bool {
        let now = Instant::now();
        let mut opens_at = self.opens_at.lock().unwrap_or_else(PoisonError::into_inner);
        let was_open = opens_at.is_none_or(|at| at <= now);
        *opens_at = Some(now + CLOSED);
        was_open
    }
}
