//! Delivering events yourself: sending an event of any kind, and what to do after an error.

use std::time::Duration;

use crate::{
    client::{Client, Error},
    event::{Event, EventOutcome, RetryClass},
};

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

impl Client {
    /// Sends an event of any kind. For apps that deliver events themselves.
    ///
    /// If an earlier attempt may have arrived, a sale that the service already knows is
    /// [uncertain](EventOutcome::AlreadyRecorded).
    ///
    /// ```no_run
    /// use affitor::{Client, Event, PriorDelivery};
    ///
    /// /// Delivers an event that the app keeps in a table of its own.
    /// async fn deliver(client: &Client, event: Event, prior: PriorDelivery) {
    ///     let retry_class = event.retry_class();
    ///     match client.track_event(event, prior).await {
    ///         Ok(outcome) => println!("delete the row: {outcome}"),
    ///         Err(error) => println!("{:?}, may have arrived: {}", error.next_step(retry_class), error.may_have_arrived()),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Client::track_lead`], [`Client::track_sale`] and [`Client::track_refund`].
    /// [`Error::next_step`] tells what they mean for the event.
    pub async fn track_event(&self, event: Event, prior: PriorDelivery) -> Result<EventOutcome, Error> {
        event.track(self, prior).await
    }
}

impl Error {
    /// Returns what to do with the event that was not delivered, given its [`Event::retry_class`].
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
