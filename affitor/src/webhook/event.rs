//! A webhook whose signature was right.

use std::{borrow::Cow, fmt, marker::PhantomData, sync::Arc, time::SystemTime};

use serde_json::Value;

use super::{Ignored, Provider, StripeRefunds, Tracking};
use crate::{Currency, Event, redact::Redacted};

/// What a shop has set for the events of an endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) test_mode: bool,
    /// Besides those that Affitor takes for certain.
    pub(super) currencies: Vec<Currency>,
    pub(super) read_by_affitor: bool,
    pub(super) stripe_refunds: Option<StripeRefunds>,
}

/// A webhook whose signature was right: the provider's side of a payment. ([`Event`] is Affitor's.) Cheap to clone.
///
/// `Debug` shows its id and type, and nothing of what is in it.
pub struct WebhookEvent<P> {
    json: Arc<Value>,
    pub(super) settings: Arc<Settings>,
    provider: PhantomData<fn() -> P>,
}

impl<P: Provider> WebhookEvent<P> {
    pub(super) fn new(json: Value, settings: Arc<Settings>) -> Option<Self> {
        json.is_object().then(|| Self { json: Arc::new(json), settings, provider: PhantomData })
    }

    /// What Affitor is to hear of it: at most one event. Pure, and the same each time.
    pub fn tracking(&self) -> Tracking {
        let tracking = P::tracking(self);
        let ours = matches!(tracking, Tracking::Event(_) | Tracking::Refused(_));
        if ours && self.settings.read_by_affitor {
            return Tracking::Ignored(Ignored::ReadByAffitor);
        }
        match tracking {
            Tracking::Event(Event::Sale(sale)) if self.is_test() => Tracking::Event(sale.test_mode(true).into()),
            Tracking::Event(Event::Refund(_)) if self.is_test() => Tracking::Ignored(Ignored::TestRefund),
            tracking => tracking,
        }
    }

    /// The whole body, for what this crate does not read: taxes, or the shop's own fields.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The event's id at the provider, where it has one: the same each time that it is delivered. (Lemon Squeezy's is the
    /// id of the webhook that was triggered; Polar's stands in the header `webhook-id`.)
    pub fn id(&self) -> Option<Cow<'_, str>> {
        P::id(&self.json)
    }

    /// The name of its type, such as `invoice.paid`; empty where there is none.
    pub fn kind(&self) -> &str {
        P::kind(&self.json).unwrap_or_default()
    }

    /// When it happened, which is not when it was delivered.
    pub fn occurred_at(&self) -> Option<SystemTime> {
        P::occurred_at(&self.json)
    }

    /// Whether it is of the provider's test mode, by its own word or by [`Webhook::test_mode`](super::Webhook::test_mode).
    pub fn is_test(&self) -> bool {
        self.settings.test_mode || P::says_test(&self.json)
    }
}

impl<P> Clone for WebhookEvent<P> {
    fn clone(&self) -> Self {
        Self { json: Arc::clone(&self.json), settings: Arc::clone(&self.settings), provider: PhantomData }
    }
}

impl<P: Provider> fmt::Debug for WebhookEvent<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEvent")
            .field("provider", &P::NAME)
            .field("id", &self.id().as_deref().map(Redacted))
            .field("kind", &Redacted(self.kind()))
            .field("test", &self.is_test())
            .finish_non_exhaustive()
    }
}
