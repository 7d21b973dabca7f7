//! Reading a webhook for a ledger.

use std::{borrow::Cow, collections::BTreeSet, fmt, time::SystemTime};

use crate::{
    event::WebhookEvent,
    ledger::{Decision, Facts, Policy, Reports, decide_in_memory},
    mentioned,
    provider::{Announced, Ignored, Moment, NoFacts, Provider, Refused},
    unix_time::unix_seconds,
};

/// What a webhook says about payments: for apps with a [ledger](crate::ledger) or a delivery of their own. The ledger of
/// `affitor-outbox` and [`WebhookEvent::track`] use it, so most apps don't need it.
///
/// ```
/// use std::time::SystemTime;
///
/// use affitor_payments::{NoFacts, Reading, Stripe, WebhookEvent, ledger::Facts};
///
/// /// Adds what a webhook says to what the app knows.
/// fn remember(known: &mut Facts, event: &WebhookEvent<Stripe>) {
///     let reading = Reading::new(event);
///     match reading.facts(SystemTime::now()) {
///         Ok(facts) => known.merge(facts),
///         Err(reason) => reading.log_ignored(&reason),
///     }
/// }
/// ```
pub struct Reading<'e, P>(pub(crate) &'e WebhookEvent<P>);

impl<'e, P: Provider> Reading<'e, P> {
    /// Creates the reading of a webhook.
    pub fn new(event: &'e WebhookEvent<P>) -> Self {
        Self(event)
    }

    /// Returns what the webhook says about payments: the first step of a [ledger](crate::ledger). Pure.
    ///
    /// # Errors
    ///
    /// Returns an error if the webhook says nothing about payments, or can't be read with certainty.
    pub fn facts(&self, now: SystemTime) -> Result<Facts, NoFacts> {
        let event = self.0;
        if P::kind(event.json()).is_none() {
            return Err(Refused::MissingField { field: "the event's type" }.into());
        }
        if P::account(event.json()).is_some() && event.account().is_none() {
            return Err(Ignored::ConnectedAccount.into());
        }
        let now = unix_seconds(now);
        let at = event.occurred_at().map_or(now, unix_seconds).min(now);
        let facts = P::facts(event.json(), Moment { at, now })?.said_at(at);
        // Matters only if there is something to count.
        P::says_test(event.json())?;
        Ok(facts)
    }

    /// Decides what to report about this webhook alone, as if nothing else were known: for an app that forgets everything between two
    /// webhooks, and has a delivery of its own. [`track`](WebhookEvent::track) remembers, and a [ledger](crate::ledger) knows more.
    /// Pure.
    ///
    /// # Errors
    ///
    /// Returns an error if the webhook says nothing about payments, or can't be read with certainty.
    pub fn decide_alone(&self, now: SystemTime) -> Result<Decision, NoFacts> {
        let (announced, facts) = self.announced(now)?;
        let (payments, sources) = facts.split_sources();
        let is_announced = match announced {
            Announced::Nothing => return Ok(Decision::default()),
            announced => announced == Announced::Payment,
        };
        let (reports, now) = (Reports::new(), unix_seconds(now));
        Ok(decide_in_memory(&payments, &sources, &reports, &self.policy(), is_announced, now))
    }

    /// Returns what the webhook announces to an app without a ledger.
    pub(crate) fn announced(&self, now: SystemTime) -> Result<(Announced, Facts), NoFacts> {
        let facts = self.facts(now)?;
        Ok((P::announced(self.0.json())?, facts))
    }

    /// Returns how the endpoint wants payments to be decided. A [ledger](crate::ledger) adds what it knows itself.
    pub fn policy(&self) -> Policy {
        let endpoint = self.0.endpoint();
        Policy {
            currencies: endpoint.get_allowed_currencies().collect(),
            stripe_reporter: endpoint.get_stripe_reporter(),
            test: self.0.is_test(),
            commission_on: endpoint.get_commission_on(),
            products: endpoint.get_products().clone(),
            ..Policy::default()
        }
    }

    /// Returns the ids of the provider in the webhook, whether or not it can be read: of the event, of its account, of objects. A
    /// ledger keeps them of a webhook that says nothing about payments, so that a person finds it. At most 32.
    pub fn mentioned_ids(&self) -> BTreeSet<String> {
        mentioned::ids(self.0.json())
    }

    /// Returns the [id](WebhookEvent::id) of the event, if it differs between events. Lemon Squeezy's does not.
    pub fn unique_id(&self) -> Option<Cow<'e, str>> {
        self.0.id().filter(|_| P::UNIQUE_ID)
    }
}

impl<P: Provider> fmt::Debug for Reading<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reading").field(self.0).finish()
    }
}
