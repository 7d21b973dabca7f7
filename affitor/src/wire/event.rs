//! Calls for events of any kind.

use std::sync::{Arc, atomic::Ordering};

use affitor_core::redact::Redacted;
use tracing::field::display;

use super::connection::Connection;
use crate::{
    delivery::PriorDelivery,
    error::Error,
    event::{Event, EventOutcome, event_kinds},
    wire::call::Track as _,
};

macro_rules! calls {
    ($($(#[$doc:meta])* $name:literal => $kind:ident,)*) => {
        impl Connection {
            /// Sends an event of any kind.
            pub(crate) async fn track_event(
                self: &Arc<Self>,
                event: Event,
                prior: PriorDelivery,
            ) -> Result<EventOutcome, Error> {
                let subject = event.ids().subject().map(str::to_owned);
                let outcome = match event {
                    $(Event::$kind(event) => self.track(event).await?.summary(prior),)*
                };
                if outcome == EventOutcome::RecordedElsewhere {
                    self.log_taken_id(subject.as_deref());
                }
                Ok(outcome)
            }

            /// Applies the settings to an event that another client will send. Returns `None` if this client would not send it.
            pub(crate) fn prepare_event(&self, mut event: Event) -> Option<Event> {
                match &mut event {
                    $(Event::$kind(event) => event.prepare(&self.settings).ok()?,)*
                }
                Some(event)
            }
        }
    };
}

event_kinds!(calls);

impl Connection {
    /// Logs a sale whose transaction id the service knows, although it was never sent: the first one with the cause.
    fn log_taken_id(&self, subject: Option<&str>) {
        let subject = subject.map(|subject| display(Redacted(subject)));
        if self.taken_id_was_explained.swap(true, Ordering::Relaxed) {
            tracing::info!(
                subject,
                "the transaction id of this sale is taken: it counts only if it was reported in another way"
            );
        } else {
            tracing::warn!(
                subject,
                "the service knows this transaction id, although this sale was never sent: another shop or environment uses it, \
                 and then the sale does not count (see `TransactionIds`), or the sale was also reported in another way"
            );
        }
    }
}
