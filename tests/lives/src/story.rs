//! What the lives of Polar, Lemon Squeezy and Paddle have in common: a clock, ids, objects, webhooks and sales.

use serde_json::Value;

use crate::clock::{Clock, rfc3339};
use crate::ids::Ids;
use crate::{Api, ExpectedSale, Life, Provider, Webhook};

/// State of one life while it is generated.
pub(crate) struct Story<'a> {
    pub(crate) rng: &'a mut fastrand::Rng,
    pub(crate) ids: Ids,
    pub(crate) currency: &'static str,
    pub(crate) customer_key: String,
    clock: Clock,
    sales: Vec<ExpectedSale>,
    traits: Vec<&'static str>,
    webhooks: Vec<Webhook>,
    objects: Vec<Value>,
}

impl<'a> Story<'a> {
    pub(crate) fn new(rng: &'a mut fastrand::Rng, number: u64, now: u64) -> Self {
        let currency = crate::money::currency(rng);
        Self {
            rng,
            ids: Ids::new(number),
            currency,
            customer_key: format!("user_{number}"),
            clock: Clock::ending_at(now),
            sales: Vec::new(),
            traits: Vec::new(),
            webhooks: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// A click id of the affiliate service.
    pub(crate) fn click_id(&self) -> String {
        format!("cust_{}_{}", self.ids.number(), (self.clock.now() - 86_400) * 1_000)
    }

    pub(crate) fn now(&self) -> String {
        rfc3339(self.clock.now())
    }

    /// The time some days from now.
    pub(crate) fn in_days(&self, days: u64) -> String {
        rfc3339(self.clock.now() + days * 86_400)
    }

    /// Lets some seconds pass.
    pub(crate) fn wait(&mut self) {
        self.clock.advance(self.rng);
    }

    pub(crate) fn uuid(&mut self) -> String {
        self.ids.uuid(self.rng)
    }

    pub(crate) fn note(&mut self, what: &'static str) {
        if !self.traits.contains(&what) {
            self.traits.push(what);
        }
    }

    pub(crate) fn send(&mut self, event_id: String, body: Value) {
        self.webhooks.push(Webhook { body, event_id });
    }

    /// Stores the final state of an object. Replaces an earlier state of it.
    pub(crate) fn store(&mut self, object: &Value) {
        let same = |known: &&mut Value| known["id"] == object["id"] && known["type"] == object["type"];
        match self.objects.iter_mut().find(same) {
            Some(known) => *known = object.clone(),
            None => self.objects.push(object.clone()),
        }
    }

    /// Expects a sale, unless nothing was paid.
    pub(crate) fn expect(&mut self, transaction_id: String, amount: u64, tax: u64, recurring: bool) {
        if amount > 0 {
            self.sales.push(ExpectedSale {
                transaction_id,
                amount_cents: amount,
                tax_cents: tax,
                currency: self.currency.to_owned(),
                customer_key: self.customer_key.clone(),
                refunded_cents: 0,
                recurring,
            });
        }
    }

    pub(crate) fn give_back(&mut self, transaction_id: &str, amount: u64) {
        crate::money::give_back(&mut self.sales, transaction_id, amount);
    }

    pub(crate) fn end(self, provider: Provider, api: Api, kind: &'static str) -> Life {
        let Self { traits, webhooks, sales, objects, .. } = self;
        Life { kind, traits, provider, api, webhooks, sales, objects }
    }
}
