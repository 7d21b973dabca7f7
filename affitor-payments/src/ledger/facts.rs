//! What is known about a group of payments that belong together.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    attribution::{Attribution, Source},
    join::Join as _,
    object::{Allocation, Object},
};

/// What is known about payments: objects of a provider by their ids.
///
/// Adding reports is commutative and idempotent: the result does not depend on their order, nor on how often each one arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(BTreeMap<String, Object>);

impl Facts {
    /// Adds a report of an object.
    pub fn add(&mut self, id: impl Into<String>, object: Object) {
        match self.0.entry(id.into()) {
            std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().join(object),
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(object);
            }
        }
    }

    /// Adds that a movement paid a bill. Both parts of the id are known to every report, so no pair is added twice.
    pub fn allocate(&mut self, bill: &str, movement: &str, cents: Option<u64>) {
        let allocation = Allocation { bill: bill.to_owned(), movement: movement.to_owned(), cents };
        self.add(format!("{bill} {movement}"), Object::Allocation(allocation));
    }

    /// Adds what another collection knows.
    pub fn merge(&mut self, other: Self) {
        for (id, object) in other.0 {
            self.add(id, object);
        }
    }

    /// Returns the objects with their ids, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.0.iter().map(|(id, object)| (id.as_str(), object))
    }

    /// Returns the object with this id.
    pub fn get(&self, id: &str) -> Option<&Object> {
        self.0.get(id)
    }

    /// Returns whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the ids of the payments: of the objects, and of those that they name. Payments that share an id are decided
    /// together. Subscriptions and customers are not among them: their payments have nothing else in common.
    pub fn ids(&self) -> BTreeSet<&str> {
        let mut ids = BTreeSet::new();
        for (id, object) in self.iter() {
            match object {
                Object::Source(_) => continue,
                Object::Allocation(allocation) => ids.extend([allocation.bill.as_str(), &allocation.movement]),
                Object::Checkout(checkout) if checkout.one_time => {
                    ids.extend(checkout.movement.as_deref().into_iter().chain(checkout.bill.as_deref()));
                }
                Object::Charge(charge) => ids.extend(charge.movement.as_deref()),
                Object::Reversal(reversal) => {
                    ids.insert(&reversal.of);
                }
                Object::CreditNote(note) => {
                    ids.insert(&note.bill);
                    ids.extend(note.refunds.iter().map(String::as_str));
                }
                Object::Bill(_) | Object::Checkout(_) | Object::Intent(_) => {}
            }
            if !matches!(object, Object::Allocation(_)) {
                ids.insert(id);
            }
        }
        ids.remove("");
        ids
    }

    /// Returns the ids of the subscriptions and customers: of the objects, and of those that payments inherit from.
    pub fn sources(&self) -> BTreeSet<&str> {
        let mut sources = BTreeSet::new();
        for (id, object) in self.iter() {
            match object {
                Object::Source(_) => sources.extend([id]),
                Object::Bill(bill) => {
                    sources.extend([&bill.source, &bill.customer].into_iter().flatten().map(String::as_str));
                }
                _ => {}
            }
        }
        sources
    }

    /// Splits off the subscriptions and customers.
    pub fn split_sources(self) -> (Self, BTreeMap<String, Source>) {
        let (mut payments, mut sources) = (Self::default(), BTreeMap::new());
        for (id, object) in self.0 {
            match object {
                Object::Source(source) => {
                    sources.insert(id, source);
                }
                object => {
                    payments.0.insert(id, object);
                }
            }
        }
        (payments, sources)
    }

    /// Sets when the objects said who the payments belong to, in seconds of Unix time.
    pub(crate) fn said_at(mut self, time: u64) -> Self {
        for attribution in self.attributions().filter(|attribution| !attribution.is_empty()) {
            attribution.said_at = time;
        }
        self
    }

    fn attributions(&mut self) -> impl Iterator<Item = &mut Attribution> {
        self.0.values_mut().flat_map(|object| {
            let (own, fallback) = match object {
                Object::Bill(bill) => (Some(&mut bill.attribution), Some(&mut bill.fallback)),
                Object::Checkout(checkout) => (Some(&mut checkout.attribution), None),
                Object::Intent(intent) => (Some(&mut intent.attribution), None),
                Object::Source(source) => (Some(&mut source.attribution), None),
                Object::Charge(_) | Object::Allocation(_) | Object::Reversal(_) | Object::CreditNote(_) => (None, None),
            };
            own.into_iter().chain(fallback)
        })
    }

    /// Removes everything that identifies a customer, so that later reports don't add it again. Returns whether there was something.
    pub fn forget(&mut self, customer_key: &str) -> bool {
        let mut found = false;
        for attribution in self.attributions() {
            if attribution.customer_key.as_deref() == Some(customer_key) {
                *attribution = Attribution { is_forgotten: true, ..Attribution::default() };
                found = true;
            }
        }
        found
    }
}
