//! Taking an event and seeing that it arrives: what a queue and an outbox have in common.

use std::fmt;

use crate::{BoundClient, Client, Event, InvalidEvent, Lead, Refund, Sale, redact::Redacted};

/// Takes an event and sees that it arrives: a memory queue (feature `queue`), a durable outbox, or a test's own.
///
/// A client that [has one](Client::deliver_with) hands it all that is enqueued. Clicks are not queued: they can't be
/// repeated, and their answer is a cookie.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use affitor::{Client, Deliver, Event, Lead, NotQueued};
///
/// /// Keeps what it is given, for a test.
/// #[derive(Clone, Default)]
/// struct Kept(Arc<Mutex<Vec<Event>>>);
///
/// impl Deliver for Kept {
///     fn deliver(&self, event: Event) -> Result<(), NotQueued> {
///         self.0.lock().unwrap().push(event);
///         Ok(())
///     }
/// }
///
/// let kept = Kept::default();
/// let client = Client::new("aff_0123456789")?.deliver_with(kept.clone());
/// client.enqueue_lead(Lead::new("user_7"));
/// assert_eq!(kept.0.lock().unwrap().len(), 1);
/// # Ok::<(), affitor::Error>(())
/// ```
pub trait Deliver: Send + Sync + 'static {
    /// Takes the event, at once: it neither waits nor blocks.
    ///
    /// # Errors
    ///
    /// When it can't be taken. Then it is as if it had not been tried.
    fn deliver(&self, event: Event) -> Result<(), NotQueued>;
}

/// Why an event was not taken for delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotQueued {
    /// The event says too little to be sent.
    Invalid(InvalidEvent),
    /// The queue is full: the service (of an outbox: its database) has not taken events for a while, or more come than it takes.
    Full,
    /// The queue takes nothing more: the app is being shut down.
    Closed,
    /// The client has nothing to deliver with: see [`Client::deliver_with`].
    NoQueue,
}

impl fmt::Display for NotQueued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => write!(f, "invalid: {why}"),
            Self::Full => f.write_str("the queue is full"),
            Self::Closed => f.write_str("the queue is closed"),
            Self::NoQueue => f.write_str("the client has no queue: give it one with `Client::deliver_with`"),
        }
    }
}

impl std::error::Error for NotQueued {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid(why) => Some(why),
            Self::Full | Self::Closed | Self::NoQueue => None,
        }
    }
}

impl Client {
    fn try_enqueue(&self, event: Event) -> Result<(), NotQueued> {
        event.validate().map_err(NotQueued::Invalid)?;
        if self.is_disabled() {
            return Ok(());
        }
        let deliverer = self.deliverer().ok_or(NotQueued::NoQueue)?;
        self.as_set(event).map_or(Ok(()), |event| deliverer.deliver(event))
    }

    fn enqueue(&self, event: Event) {
        let (kind, id) = (event.kind(), event.id().map(str::to_owned));
        if let Err(why) = self.try_enqueue(event) {
            let id = id.as_deref().map(Redacted);
            tracing::error!(event = kind, ?id, %why, "an event is lost: it could not be enqueued");
        }
    }

    /// The event as this client would send it; nothing where it would send nothing. What delivers it has settings of its own.
    fn as_set(&self, event: Event) -> Option<Event> {
        match event {
            Event::Lead(lead) if self.is_only_attributed() && lead.click_id.is_none() && !self.is_test() => None,
            event if !self.is_test() => Some(event),
            Event::Lead(lead) => Some(lead.test_mode(true).into()),
            Event::Sale(sale) => Some(sale.test_mode(true).into()),
            // The service has no test refund.
            Event::Refund(_) => None,
        }
    }
}

macro_rules! enqueue {
    ($client:ty, $($name:ident, $try_name:ident, $event:ty, $what:literal;)*) => {
        impl $client {
            $(
                #[doc = concat!("Reports ", $what, " in the background: returns at once, and nothing. What can't be taken is logged as an")]
                #[doc = "error. Needs a queue: see [`Client::deliver_with`]. From a disabled client nothing is sent, and from one with"]
                #[doc = "`only_attributed` or `test_mode` what it would send itself."]
                pub fn $name(&self, event: $event) {
                    self.enqueue(event.into());
                }

                #[doc = concat!("As [`", stringify!($name), "`](Self::", stringify!($name), "), and says when it can't be taken.")]
                #[doc = ""]
                #[doc = "# Errors"]
                #[doc = ""]
                #[doc = "See [`NotQueued`]."]
                pub fn $try_name(&self, event: $event) -> Result<(), NotQueued> {
                    self.try_enqueue(event.into())
                }
            )*
        }
    };
}

enqueue! {
    Client,
    enqueue_lead, try_enqueue_lead, Lead, "a sign-up";
    enqueue_sale, try_enqueue_sale, Sale, "a payment";
    enqueue_refund, try_enqueue_refund, Refund, "money given back";
}

enqueue! {
    BoundClient,
    enqueue_lead, try_enqueue_lead, Lead, "a sign-up, with the visitor's click id and history,";
    enqueue_sale, try_enqueue_sale, Sale, "a payment, with the visitor's click id,";
    enqueue_refund, try_enqueue_refund, Refund, "money given back";
}

impl BoundClient {
    fn try_enqueue(&self, event: Event) -> Result<(), NotQueued> {
        self.client().try_enqueue(self.attribute(event))
    }

    fn enqueue(&self, event: Event) {
        self.client().enqueue(self.attribute(event));
    }
}
