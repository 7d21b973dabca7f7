//! A state of a ledger, and the verdict on the money.

use std::collections::{BTreeMap, BTreeSet};

use affitor::Event;
use affitor_payments::ledger::{Decision, Facts, NotReported, Reports, Status, decide};

use super::world::{LAST, World};
use crate::ledger_model::{
    judge::{Reported, reported},
    memory::{policy, report, seconds},
};

/// What is known and what was reported.
#[derive(Clone, Debug)]
pub struct State {
    /// The webhooks that have arrived, as bits.
    pub(crate) delivered: u32,
    /// Number of the time class.
    pub(crate) class: usize,
    facts: Facts,
    reports: Reports,
    totals: BTreeMap<String, Reported>,
}

/// What makes two states equal: what was delivered, the time class, the facts as JSON, and what was reported.
pub type Key = (u32, usize, String, String);

/// What became of the money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Exact,
    /// It differs, and the ledger says so: the rules.
    Doubt(String),
    /// It differs, and nothing says so.
    Silent(String),
}

impl State {
    /// Nothing has arrived.
    pub fn start() -> Self {
        let (facts, reports, totals) = (Facts::default(), Reports::new(), BTreeMap::new());
        Self { delivered: 0, class: 0, facts, reports, totals }
    }

    /// What makes it equal to another one.
    pub fn key(&self) -> Key {
        // The reports follow from the totals.
        let facts = serde_json::to_string(&self.facts).expect("facts are JSON");
        (self.delivered, self.class, facts, format!("{:?}", self.totals))
    }

    /// What was reported, by transaction id.
    pub fn totals(&self) -> &BTreeMap<String, Reported> {
        &self.totals
    }

    /// Delivers a webhook, for the first time or again.
    pub fn deliver(&self, world: &World, webhook: usize) -> Self {
        let mut next = self.clone();
        next.delivered |= 1 << webhook;
        next.facts.merge(world.webhook(webhook, self.class.min(LAST - 1)).clone());
        next.decide(world);
        next
    }

    /// Lets time pass.
    pub fn wait(&self, world: &World) -> Self {
        let mut next = Self { class: self.class + 1, ..self.clone() };
        next.decide(world);
        next
    }

    /// Reconciles with what the API says, and lets the holds pass.
    pub(crate) fn reconcile(&self, world: &World) -> Self {
        let mut next = self.clone();
        world.api().iter().for_each(|payment| next.facts.merge(payment.clone()));
        next.decide(world);
        next.wait(world)
    }

    /// Judges what was reported.
    pub(crate) fn verdict(&self, world: &World) -> Verdict {
        let decision = self.decision(world);
        let ids: BTreeSet<&String> = self.totals.keys().chain(world.expected.keys()).collect();
        let (mut rules, mut silent) = (BTreeSet::new(), String::new());
        // One sale under another id than the life names, because a link came after it was reported. The ledger says which.
        let counted_as: BTreeMap<&str, &str> = decision
            .payments
            .iter()
            .filter_map(|payment| match &payment.status {
                Status::NotReported(NotReported::CountedAs { transaction_id, .. }) => {
                    Some((&*payment.transaction_id, &**transaction_id))
                }
                _ => None,
            })
            .filter(|(id, other)| !self.totals.contains_key(*id) && self.totals.get(*other) == world.expected.get(*id))
            .collect();
        for id in ids {
            let (reported, expected) = (self.totals.get(id), world.expected.get(id));
            if reported == expected {
                continue;
            }
            if counted_as.iter().any(|(of, other)| of == id || other == id && expected.is_none()) {
                rules.insert("counted_as");
                continue;
            }
            let payment = decision.payments.iter().find(|payment| payment.transaction_id == *id);
            let doubts = payment.map(|payment| &payment.doubts[..]).unwrap_or_default();
            rules.extend(doubts.iter().map(|doubt| doubt.as_str()));
            match payment.map(|payment| &payment.status) {
                _ if !doubts.is_empty() => {}
                Some(Status::NotReported(NotReported::NoCustomer)) if !world.api_names_customer => {
                    rules.insert("no_customer");
                }
                status => silent += &format!("{id} is {status:?}\n  reported {reported:?}\n  expected {expected:?}\n"),
            }
        }
        match (silent.is_empty(), rules.is_empty()) {
            (false, _) => Verdict::Silent(silent),
            (true, false) => Verdict::Doubt(rules.into_iter().collect::<Vec<_>>().join(" ")),
            (true, true) => Verdict::Exact,
        }
    }

    fn decision(&self, world: &World) -> Decision {
        let (payments, sources) = self.facts.clone().split_sources();
        decide(&payments, &sources, &self.reports, &policy(), seconds(world.time(self.class)))
    }

    /// Reports what is missing. A second decision must find nothing more.
    fn decide(&mut self, world: &World) {
        let events: Vec<Event> = self.decision(world).events;
        if events.is_empty() {
            return;
        }
        for event in &events {
            report(&mut self.reports, event);
        }
        for (id, new) in reported(&events) {
            let total = self.totals.entry(id).or_default();
            total.sales += new.sales;
            total.cents += new.cents;
            total.refunded += new.refunded;
            if new.sales > 0 {
                (total.currency, total.customer_key) = (new.currency, new.customer_key);
            }
        }
        // A full refund alone has no amount: that of its sale.
        for event in &events {
            if let Event::Refund(refund) = event
                && refund.refund_amount_cents.is_none()
                && !events
                    .iter()
                    .any(|other| matches!(other, Event::Sale(sale) if sale.transaction_id == refund.transaction_id))
                && let Some(total) = self.totals.get_mut(&refund.transaction_id)
            {
                total.refunded += total.cents;
            }
        }
        let again = self.decision(world).events;
        assert!(again.is_empty(), "a decision leaves nothing to report: {again:?}");
    }
}
