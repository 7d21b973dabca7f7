//! Reporting events in the background.

use affitor_core::redact::Redacted;
use tracing::field::display;

use super::{Background, Client};
use crate::{event::Event, sink::EnqueueError};

impl Client {
    /// Reports an event in the background and returns at once. Returns no error: an event that can't be accepted is logged
    /// and lost. See [`try_enqueue`](Client::try_enqueue).
    ///
    /// ```
    /// use affitor::{Client, Lead};
    ///
    /// # let client = Client::disabled();
    /// client.enqueue(Lead::new("user_7").email("jo@example.com"));
    /// ```
    pub fn enqueue(&self, event: impl Into<Event>) {
        let event = event.into();
        let (kind, subject) = (event.kind(), event.ids().subject().map(str::to_owned));
        if let Err(error) = self.try_enqueue(event) {
            let subject = subject.as_deref().map(|subject| display(Redacted(subject)));
            tracing::error!(event = kind, subject, %error, "an event is lost because it could not be enqueued");
        }
    }

    /// Reports an event in the background and returns at once. Returns an error if the event can't be accepted.
    ///
    /// The client's [queue](crate::queue) delivers the event from memory, or its [sink](Client::with_sink) if it has one. Settings of
    /// this client apply: a disabled client delivers nothing, and `leads_without_click` and `test_mode` apply as usual.
    ///
    /// Events in memory are lost with the process. [Shut the client down](Client::shutdown) before the app ends.
    ///
    /// # Errors
    ///
    /// See [`EnqueueError`].
    pub fn try_enqueue(&self, event: impl Into<Event>) -> Result<(), EnqueueError> {
        let event = event.into();
        if self.connection().drops_events() {
            return event.validate().map_err(EnqueueError::Invalid);
        }
        let validated = event.validate();
        let Some(event) = self.connection().prepare_event(event) else {
            return validated.map_err(EnqueueError::Invalid);
        };
        event.validate().map_err(EnqueueError::Invalid)?;
        match &self.shared.background {
            Background::Queue(queue) => queue.accept(event),
            Background::Sink(sink) => sink.accept(event),
            // The client of a worker.
            Background::Nothing => Err(EnqueueError::Closed),
        }
    }
}
