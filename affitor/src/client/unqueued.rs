//! Background calls of a client without a queue.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use affitor_core::redact::Redacted;

use super::Client;
use crate::{delivery::PriorDelivery, event::Event, sink::EnqueueError};

/// Maximum number of events in flight.
const CAPACITY: usize = 1_000;

/// The background calls of a client without a queue.
#[derive(Default)]
pub(super) struct Unqueued {
    in_flight: Arc<AtomicUsize>,
    has_warned: AtomicBool,
}

impl Unqueued {
    /// Makes the call in a task of its own.
    pub(super) fn accept(&self, client: &Client, event: Event) -> Result<(), EnqueueError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| EnqueueError::NoRuntime)?;
        let slot = Slot::take(&self.in_flight).ok_or(EnqueueError::Full)?;
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the client has no queue, so enqueued events are sent once and lost at shutdown: add a queue or an outbox \
                 with `Client::with_sink`"
            );
        }
        let client = client.clone();
        runtime.spawn(async move {
            let _slot = slot;
            let (kind, subject) = (event.kind(), event.ids().subject().map(str::to_owned));
            if let Err(error) = client.track_event(event, PriorDelivery::Impossible).await {
                let subject = subject.as_deref().map(Redacted);
                tracing::error!(event = kind, ?subject, %error, "an event is lost because the client has no queue to retry it");
            }
        });
        Ok(())
    }
}

/// One of the events in flight. Dropping it makes room for another.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(in_flight: &Arc<AtomicUsize>) -> Option<Self> {
        let more = |count| (count < CAPACITY).then_some(count + 1);
        in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(Arc::clone(in_flight)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
