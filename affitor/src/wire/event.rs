//! Calls for events of any kind.

use std::sync::Arc;

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
                match event {
                    $(Event::$kind(event) => Ok(self.track(event).await?.summary(prior)),)*
                }
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
