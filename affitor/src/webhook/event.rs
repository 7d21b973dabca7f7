//! A webhook whose signature was right.

use std::{borrow::Cow, fmt, marker::PhantomData, sync::Arc, time::SystemTime};

use serde_json::Value;

use super::{Ignored, Provider, Refused, StripeRefunds, Tracking};
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
    body: Arc<[u8]>,
    pub(super) settings: Arc<Settings>,
    provider: PhantomData<fn() -> P>,
}

impl<P: Provider> WebhookEvent<P> {
    /// Of a body whose signature is right, if it is a JSON object.
    pub(super) fn new(body: &[u8], settings: Arc<Settings>) -> Option<Self> {
        let json: Value = serde_json::from_slice(body).ok()?;
        json.is_object().then(|| Self { json: Arc::new(json), body: body.into(), settings, provider: PhantomData })
    }

    /// What Affitor is to hear of it: at most one event. Pure, and the same each time.
    pub fn tracking(&self) -> Tracking {
        if P::kind(&self.json).is_none() {
            return Tracking::Refused(Refused::MissingField { field: "the event's type" });
        }
        let tracking = P::tracking(self);
        let ours = matches!(tracking, Tracking::Event(_) | Tracking::Refused(_));
        if ours && self.settings.read_by_affitor {
            return Tracking::Ignored(Ignored::ReadByAffitor);
        }
        let test = self.settings.test_mode
            || match P::says_test(&self.json) {
                Ok(test) => test,
                // Only of what would be tracked.
                Err(why) if ours => return Tracking::Refused(why),
                Err(_) => false,
            };
        match tracking {
            Tracking::Event(Event::Sale(sale)) if test => Tracking::Event(sale.test_mode(true).into()),
            Tracking::Event(Event::Refund(_)) if test => Tracking::Ignored(Ignored::TestRefund),
            tracking => tracking,
        }
    }

    /// The whole body as JSON, for what this crate does not read: the shop's own fields.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The whole body as it was signed, for another library or an archive.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// How much of a sale's amount is tax, in the currency's smallest unit, where the event says it: of sessions and invoices
    /// (Stripe), orders, invoices and transactions. Refunds don't say it.
    pub fn tax_cents(&self) -> Option<u64> {
        P::tax(&self.json)
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
        self.settings.test_mode || P::says_test(&self.json).unwrap_or(false)
    }
}

impl<P> Clone for WebhookEvent<P> {
    fn clone(&self) -> Self {
        let (json, body) = (Arc::clone(&self.json), Arc::clone(&self.body));
        Self { json, body, settings: Arc::clone(&self.settings), provider: PhantomData }
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
