//! A Stripe account in memory: objects, the events about them, and the sales that must be reported.

use serde_json::{Map, Value, json};

use super::metadata::Metadata;
use crate::clock::Clock;
use crate::ids::Ids;
use crate::{Api, ExpectedSale, Webhook};

/// State of one life while it is generated.
pub(super) struct Shop<'a> {
    pub(super) rng: &'a mut fastrand::Rng,
    pub(super) api: Api,
    pub(super) ids: Ids,
    pub(super) clock: Clock,
    pub(super) metadata: Metadata,
    pub(super) currency: &'static str,
    pub(super) customer: String,
    pub(super) sales: Vec<ExpectedSale>,
    pub(super) traits: Vec<&'static str>,
    pub(super) webhooks: Vec<Webhook>,
    /// All objects in the order of their creation.
    pub(super) objects: Vec<Value>,
    /// Account id in each event, if the events are those of a connected account.
    pub(super) account: Option<String>,
}

impl<'a> Shop<'a> {
    pub(super) fn new(rng: &'a mut fastrand::Rng, api: Api, number: u64, now: u64) -> Self {
        let mut ids = Ids::new(number);
        let customer = ids.stripe(rng, "cus");
        let metadata = Metadata::ours(rng, number, now);
        let currency = crate::money::currency(rng);
        Self {
            rng,
            api,
            ids,
            clock: Clock::ending_at(now),
            metadata,
            currency,
            customer,
            sales: Vec::new(),
            traits: Vec::new(),
            webhooks: Vec::new(),
            objects: Vec::new(),
            account: None,
        }
    }

    pub(super) fn is_old(&self) -> bool {
        self.api == Api::Old
    }

    /// Currency as Stripe writes it.
    pub(super) fn currency(&self) -> String {
        self.currency.to_ascii_lowercase()
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(super) fn id(&mut self, prefix: &str) -> String {
        self.ids.stripe(self.rng, prefix)
    }

    pub(super) fn note(&mut self, what: &'static str) {
        if !self.traits.contains(&what) {
            self.traits.push(what);
        }
    }

    /// Stores a new object and returns its id.
    pub(super) fn put(&mut self, object: Value) -> String {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        self.objects.push(object);
        id
    }

    /// The current state of an object, or null.
    pub(super) fn get(&self, id: &str) -> &Value {
        self.objects.iter().find(|object| object["id"] == id).unwrap_or(&Value::Null)
    }

    /// Changes fields of an object. Returns the previous values of the fields that differ.
    pub(super) fn change(&mut self, id: &str, fields: Value) -> Value {
        let mut previous = Map::new();
        let object = self.objects.iter_mut().find(|object| object["id"] == id).and_then(Value::as_object_mut);
        if let (Some(object), Value::Object(fields)) = (object, fields) {
            for (name, value) in fields {
                let old = object.insert(name.clone(), value.clone()).unwrap_or(Value::Null);
                if old != value {
                    previous.insert(name, old);
                }
            }
        }
        Value::Object(previous)
    }

    /// Sends an event with an object as it is now.
    pub(super) fn tell(&mut self, kind: &str, id: &str) {
        let data = json!({ "object": self.get(id) });
        self.send(kind, data);
    }

    /// Sends an event with an object as it is now, and the previous values of changed fields.
    pub(super) fn tell_change(&mut self, kind: &str, id: &str, previous: &Value) {
        let data = json!({ "object": self.get(id), "previous_attributes": previous });
        self.send(kind, data);
    }

    fn send(&mut self, kind: &str, data: Value) {
        let created = self.clock.advance(self.rng);
        let event_id = self.id("evt");
        let by_request = self.rng.bool();
        let request = if by_request { json!(self.id("req")) } else { Value::Null };
        let mut body = json!({
            "id": event_id,
            "object": "event",
            "api_version": if self.is_old() { "2024-06-20" } else { "2025-10-29.clover" },
            "created": created,
            "livemode": true,
            "pending_webhooks": 1,
            "request": { "id": request, "idempotency_key": null },
            "type": kind,
        });
        body["data"] = data;
        if let Some(account) = &self.account {
            body["account"] = json!(account);
        }
        self.webhooks.push(Webhook { body, event_id });
    }

    /// Expects a sale, unless nothing was paid or the payment is not ours.
    pub(super) fn expect(&mut self, transaction_id: &str, amount: u64, tax: u64, recurring: bool) {
        if amount > 0 && self.metadata.is_ours() && self.account.is_none() {
            self.sales.push(ExpectedSale {
                transaction_id: transaction_id.to_owned(),
                amount_cents: amount,
                tax_cents: tax.min(amount),
                currency: self.currency.to_owned(),
                customer_key: self.metadata.customer_key(),
                refunded_cents: 0,
                recurring,
            });
        }
    }
}
