//! Everything that the provider says about one payment.

use crate::provider::PaymentProvider;
use std::time::SystemTime;

use affitor_payments::{NoFacts, ledger::Facts, object_facts};
use serde_json::Value;

/// The objects of one payment.
#[derive(Debug)]
pub(super) struct Collected {
    /// Id of the payment, as the user knows it.
    pub(super) id: String,
    pub(super) facts: Facts,
    /// Why an object can't be read with certainty.
    pub(super) refused: Option<String>,
    /// Whether the objects are of test mode, if they say so.
    pub(super) is_test: Option<bool>,
    now: SystemTime,
}

impl Collected {
    pub(super) fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), facts: Facts::default(), refused: None, is_test: None, now: SystemTime::now() }
    }

    /// Adds an object.
    pub(super) fn add<P: affitor_payments::Provider>(&mut self, provider: PaymentProvider, object: &Value) {
        if let Some(facts) = self.read::<P>(provider, object) {
            self.facts.merge(facts);
        }
    }

    /// Adds only what payments inherit from an object: the customer of a subscription.
    pub(super) fn add_sources<P: affitor_payments::Provider>(&mut self, provider: PaymentProvider, object: &Value) {
        let Some(facts) = self.read::<P>(provider, object) else { return };
        let (_, sources) = facts.split_sources();
        for (id, source) in sources {
            self.facts.add(id, affitor_payments::ledger::Object::Source(source));
        }
    }

    fn read<P: affitor_payments::Provider>(&mut self, provider: PaymentProvider, object: &Value) -> Option<Facts> {
        self.is_test = self.is_test.or(provider.is_test(object));
        match object_facts::<P>(object, self.now) {
            Ok(facts) => Some(facts),
            Err(NoFacts::Refused(reason)) => {
                self.refused.get_or_insert(reason.to_string());
                None
            }
            Err(_) => None,
        }
    }
}

/// Returns the id of an object, which the provider may have replaced with the object itself.
pub(super) fn reference<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    let value = object.pointer(pointer)?;
    value.as_str().or_else(|| value.get("id")?.as_str()).filter(|id| !id.is_empty())
}
