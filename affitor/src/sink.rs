//! What accepts events for delivery.
//!
//! A sink accepts; it does not deliver. `EventSink::accept` returns at once. Without a sink, the client's queue in memory takes the
//! event, so that a first app loses nothing when it ends in order. `event.enqueue` refuses that queue: a payment that was accepted
//! and then lost in a crash would not be redelivered.
//!
//! A worker's client is derived from the app's (`Client::for_worker`): the same connection, key and settings, one attempt per call,
//! and no queue. So `Outbox::start` needs one client, and hands out the same one with a sink. `EventSink::shutdown` lets
//! `Client::shutdown` end whatever delivers, a queue or an outbox, so that an app ends in one way.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use crate::event::{Event, InvalidEvent};

/// Accepts events and delivers them later, in place of the client's [queue](crate::queue) in memory: a durable outbox, or your own.
///
/// A client [with a sink](crate::Client::with_sink) passes it every event that is enqueued, but for those that its settings leave out: all events of a disabled client, and
/// with `LeadsWithoutClick::NotSent` leads of visitors that no partner brought. Clicks can't be enqueued: they
/// can't be repeated, and their response is needed for the visitor's cookie. For tests, `test_util` (feature `test-util`) has one that
/// records events.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use affitor::{Client, EnqueueError, Event, EventSink, Lead};
///
/// /// Keeps events, for a test.
/// #[derive(Clone, Default)]
/// struct Recorder(Arc<Mutex<Vec<Event>>>);
///
/// impl EventSink for Recorder {
///     fn accept(&self, event: Event) -> Result<(), EnqueueError> {
///         self.0.lock().unwrap().push(event);
///         Ok(())
///     }
/// }
///
/// let recorder = Recorder::default();
/// let client = Client::new("aff_0123456789")?.with_sink(recorder.clone());
/// client.enqueue(Lead::new("user_7"));
/// assert_eq!(recorder.0.lock().unwrap().len(), 1);
/// # Ok::<(), affitor::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not accept Affitor events",
    label = "expected an `EventSink`",
    note = "pass the `Enqueuer` of `affitor-outbox`, or a type that implements `EventSink`"
)]
pub trait EventSink: Send + Sync + 'static {
    /// Accepts an event for delivery. Returns at once: an implementation must neither wait nor block.
    ///
    /// # Errors
    ///
    /// Returns an error if the event was not accepted. It is then not delivered.
    fn accept(&self, event: Event) -> Result<(), EnqueueError>;

    /// Ends the delivery within `limit`, when the app [shuts the client down](crate::Client::shutdown). What is not delivered then and
    /// not stored is logged with its ids. Does nothing by default: for a sink that others use too.
    fn shutdown(&self, limit: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let _ = limit;
        Box::pin(std::future::ready(()))
    }
}

/// The reason why an event was not accepted for delivery.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnqueueError {
    /// The event lacks something that the service requires.
    Invalid(InvalidEvent),
    /// The queue is full: events arrive faster than the service, or the database of an outbox, takes them.
    Full,
    /// The queue is closed because the app is shutting down.
    Closed,
    /// The thread of the client's queue could not be started.
    NoThread,
}

impl fmt::Display for EnqueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(reason) => write!(f, "invalid: {reason}"),
            Self::Full => f.write_str("the queue is full"),
            Self::Closed => f.write_str("the queue is closed"),
            Self::NoThread => f.write_str("the thread of the client's queue could not be started"),
        }
    }
}

affitor_core::debug_as_sentence!(EnqueueError);

impl std::error::Error for EnqueueError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid(reason) => Some(reason),
            Self::Full | Self::Closed | Self::NoThread => None,
        }
    }
}
