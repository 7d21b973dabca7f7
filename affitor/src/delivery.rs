//! Delivering events yourself: for authors of queues and outboxes.
//!
//! [`Client::track_event`](crate::Client::track_event) sends an event of any kind. [`Error::next_step`] tells what to do with one that
//! was not delivered. [`Event`](crate::Event) tells what else a queue needs: its [ids](crate::Event::ids), which events must be
//! delivered [before](crate::Event::waits_for) it, and whether a [repeat](crate::Event::retry_class) is safe.

use std::time::Duration;

use crate::error::Error;
pub use crate::event::{EventIds, EventOutcome, RetryClass, WaitsFor};

/// Whether an earlier attempt to deliver an event, in any process, may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PriorDelivery {
    /// There was no earlier attempt, or each one certainly had no effect.
    Impossible,
    /// An earlier attempt may have arrived: [`Error::may_have_arrived`] was `true`, or its process died.
    Possible,
}

/// What to do with an event that was not delivered. See [`Error::next_step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextStep {
    /// Send it again later: the service is unreachable or unavailable, or asks for fewer calls.
    Retry {
        /// Minimum delay requested by the service.
        after: Option<Duration>,
    },
    /// Send it again once the API key, the URL, or a proxy is fixed. The error is not about this event.
    RetryOnceFixed,
    /// Do not repeat it: the service, or the client, rejects this event.
    Reject,
    /// Check the dashboard before you send it again: it may have arrived. (A partial refund: a repeat might be deducted
    /// twice.)
    Review,
}

impl Error {
    /// Returns what to do with the event that was not delivered, given its [retry class](crate::Event::retry_class).
    pub fn next_step(&self, retry_class: RetryClass) -> NextStep {
        if retry_class == RetryClass::NotIdempotent && self.may_have_arrived() {
            NextStep::Review
        } else if self.is_invalid() || (self.is_rejected() && !matches!(self.status(), Some(404 | 405 | 407))) {
            // These three statuses come from a wrong URL or a proxy.
            NextStep::Reject
        } else if self.is_retryable() || self.may_have_arrived() {
            NextStep::Retry { after: self.retry_after() }
        } else {
            NextStep::RetryOnceFixed
        }
    }
}
