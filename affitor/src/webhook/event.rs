//! A verified webhook.

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::Value;

#[cfg(feature = "client")]
use super::memory::PaymentMemory;
use super::{Ignored, NoFacts, Provider, Refused, announced::Announced, read::Moment};
use crate::{
    currency::Currency,
    ledger::{CommissionOn, Decision, Facts, Policy, Reports, decide},
    redact::Redacted,
};

/// The settings of an endpoint that affect how its events are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) test_mode: bool,
    /// In addition to the default ones.
    pub(super) currencies: Vec<Currency>,
    pub(super) read_by_affitor: Option<bool>,
    pub(super) commission_on: CommissionOn,
    pub(super) connected_accounts: Vec<String>,
}

/// The account that an event is about, if it is not the app's own.
#[derive(Clone, Copy, Debug)]
pub enum Account<'a> {
    Id(&'a str),
    /// Not a string, so it can't be one that the app has named.
    Malformed,
}

impl Settings {
    pub(super) fn allowed_currencies(&self) -> impl Iterator<Item = Currency> {
        [Currency::USD, Currency::EUR, Currency::VND].into_iter().chain(self.currencies.iter().copied())
    }
}

/// A verified webhook: what the provider reports about a payment. ([`Event`](crate::Event) is what is reported to Affitor.) Cheap to
/// clone.
///
/// `Debug` shows its id and type, and nothing of its content.
pub struct WebhookEvent<P> {
    json: Arc<Value>,
    body: Arc<[u8]>,
    pub(super) settings: Arc<Settings>,
    #[cfg(feature = "client")]
    pub(super) memory: Arc<PaymentMemory>,
    provider: PhantomData<fn() -> P>,
}

impl<P: Provider> WebhookEvent<P> {
    /// Parses a verified body. Returns `None` if it is not a JSON object.
    pub(super) fn new(
        body: &[u8],
        settings: Arc<Settings>,
        #[cfg(feature = "client")] memory: Arc<PaymentMemory>,
    ) -> Option<Self> {
        let json: Value = serde_json::from_slice(body).ok()?;
        json.is_object().then(|| Self {
            json: Arc::new(json),
            body: body.into(),
            settings,
            #[cfg(feature = "client")]
            memory,
            provider: PhantomData,
        })
    }

    /// Returns what the webhook says about payments: the first step of a [ledger](crate::ledger). Pure.
    ///
    /// # Errors
    ///
    /// Returns an error if the webhook says nothing about payments, or can't be read with certainty.
    pub fn facts(&self, now: SystemTime) -> Result<Facts, NoFacts> {
        if P::kind(&self.json).is_none() {
            return Err(Refused::MissingField { field: "the event's type" }.into());
        }
        if P::account(&self.json).is_some() && self.account().is_none() {
            return Err(Ignored::ConnectedAccount.into());
        }
        let now = unix_seconds(now);
        let at = self.occurred_at().map_or(now, unix_seconds).min(now);
        let facts = P::facts(&self.json, Moment { at, now })?.said_at(at);
        // Matters only if there is something to count.
        P::says_test(&self.json)?;
        Ok(facts)
    }

    /// Decides what to report about this webhook alone, as if nothing else were known: for an app that forgets everything between two
    /// webhooks, and has a delivery of its own. [`Client::track_payment`](https://docs.rs/affitor/latest/affitor/struct.Client.html#method.track_payment)
    /// remembers, and a [ledger](crate::ledger) knows more. Pure.
    ///
    /// # Errors
    ///
    /// Returns an error if the webhook says nothing about payments, or can't be read with certainty.
    pub fn decide_alone(&self, now: SystemTime) -> Result<Decision, NoFacts> {
        let (announced, facts) = self.announced(now)?;
        let (payments, sources) = facts.split_sources();
        let policy = match announced {
            Announced::Nothing => return Ok(Decision::default()),
            announced => self.policy_in_memory(announced == Announced::Payment),
        };
        Ok(decide(&payments, &sources, &Reports::new(), &policy, unix_seconds(now)))
    }

    /// Returns what the webhook announces to an app without a ledger.
    pub(super) fn announced(&self, now: SystemTime) -> Result<(Announced, Facts), NoFacts> {
        let facts = self.facts(now)?;
        Ok((P::announced(&self.json)?, facts))
    }

    /// Returns how payments are decided without a ledger. Sales are reported only if a webhook has announced them.
    pub(super) fn policy_in_memory(&self, is_announced: bool) -> Policy {
        let since = if is_announced { 0 } else { u64::MAX };
        Policy { forgets: true, hold: Duration::ZERO, since, ..self.policy() }
    }

    /// Returns the account at the provider that the event is about, if the app has named it with
    /// [`Webhook::connected_account`](super::Webhook::connected_account). `None` if it is the app's own.
    pub fn account(&self) -> Option<&str> {
        match P::account(&self.json)? {
            Account::Id(id) => Some(id).filter(|id| self.settings.connected_accounts.iter().any(|known| known == id)),
            Account::Malformed => None,
        }
    }

    /// Returns how the endpoint wants payments to be decided. A [ledger](crate::ledger) adds what it knows itself.
    pub fn policy(&self) -> Policy {
        Policy {
            currencies: self.settings.allowed_currencies().collect(),
            read_by_affitor: self.settings.read_by_affitor,
            test: self.is_test(),
            commission_on: self.settings.commission_on,
            ..Policy::default()
        }
    }

    /// Returns the body as JSON, for fields that this crate does not read.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Returns the body as it was signed, for another library or an archive.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the tax included in a sale's amount, in the currency's smallest unit, if the event contains it: Stripe's sessions and
    /// invoices, orders, invoices and transactions do. Refunds don't.
    pub fn tax_cents(&self) -> Option<u64> {
        P::tax(&self.json)
    }

    /// Returns the id of the event at the provider, if it has one. It is the same in each delivery. (Lemon Squeezy's is the id of
    /// the webhook; Polar sends the id in the header `webhook-id`, so this is `None`.)
    pub fn id(&self) -> Option<Cow<'_, str>> {
        P::id(&self.json)
    }

    /// Returns whether [`id`](WebhookEvent::id) differs between events. Lemon Squeezy's does not.
    pub fn has_unique_id(&self) -> bool {
        P::UNIQUE_ID
    }

    /// Returns the type of the event, such as `invoice.paid`. Empty if there is none.
    pub fn kind(&self) -> &str {
        P::kind(&self.json).unwrap_or_default()
    }

    /// Returns the time of the event, which differs from the time of its delivery.
    pub fn occurred_at(&self) -> Option<SystemTime> {
        P::occurred_at(&self.json)
    }

    /// Returns whether this is a test: because the provider marked it, or because of [`Webhook::test_mode`](super::Webhook::test_mode).
    pub fn is_test(&self) -> bool {
        self.settings.test_mode || P::says_test(&self.json).unwrap_or(false)
    }
}

pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl<P> Clone for WebhookEvent<P> {
    fn clone(&self) -> Self {
        Self {
            json: Arc::clone(&self.json),
            body: Arc::clone(&self.body),
            settings: Arc::clone(&self.settings),
            #[cfg(feature = "client")]
            memory: Arc::clone(&self.memory),
            provider: PhantomData,
        }
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
