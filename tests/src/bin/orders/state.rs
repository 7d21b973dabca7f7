//! A state of a ledger, and the life in which it occurs.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use affitor::Event;
use affitor_payments::ledger::{Decision, Facts, Reports, Status, decide};
use affitor_tests::ledger_model::{
    judge::{Reported, expected, reported},
    memory::{facts, policy, report, seconds},
};
use shop_lives::Life;

/// When the webhooks were sent: late in 2026.
const NOW: Duration = Duration::from_secs(1_795_176_000);

/// The times at which webhooks arrive: at once, when every hold has passed, and days later.
const LATER: [Duration; 3] = [Duration::ZERO, Duration::from_secs(60 * 60), Duration::from_secs(4 * 24 * 60 * 60)];

/// Number of the time class after which nothing is due any more.
pub(crate) const LAST: usize = LATER.len() - 1;

/// A life, and what its webhooks say.
pub(crate) struct World {
    /// For each webhook, its facts if it arrives at each of the times.
    facts: Vec<[Facts; LATER.len()]>,
    expected: BTreeMap<String, Reported>,
}

/// What is known and what was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// The webhooks that have arrived, as bits.
    pub(crate) delivered: u32,
    /// Number of the time class.
    pub(crate) time: usize,
    facts: Facts,
    reports: Reports,
    totals: BTreeMap<String, Reported>,
}

/// What makes two states equal.
pub(crate) type Key = (u32, usize, String, String);

/// What became of the money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Exact,
    /// It differs, and the decision says so: the rules.
    Doubt(String),
    /// It differs, and nothing says so.
    Silent(String),
}

/// When the lives happen.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + NOW
}

/// The number of webhooks that say something of their own.
pub(crate) fn informative(life: &Life) -> usize {
    let mut known = Vec::new();
    for webhook in &life.webhooks {
        known.extend(facts(life.provider, &webhook.body, now()).ok().filter(|facts| !known.contains(facts)));
    }
    known.len()
}

impl World {
    pub(crate) fn new(life: &Life) -> Self {
        let mut all = Vec::new();
        for webhook in &life.webhooks {
            let at = |later: Duration| facts(life.provider, &webhook.body, now() + later).unwrap_or_default();
            let facts = LATER.map(at);
            // What says nothing, or nothing else than another one, makes no difference.
            if !facts[0].is_empty() && !all.contains(&facts) {
                all.push(facts);
            }
        }
        Self { facts: all, expected: expected([life]) }
    }

    /// Number of webhooks that say something of their own.
    pub(crate) fn webhooks(&self) -> usize {
        self.facts.len()
    }

    pub(crate) fn all_delivered(&self) -> u32 {
        (1 << self.facts.len()) - 1
    }

    /// Delivers a webhook, for the first time or again.
    pub(crate) fn deliver(&self, state: &State, webhook: usize) -> State {
        let mut next = state.clone();
        next.delivered |= 1 << webhook;
        next.facts.merge(self.facts[webhook][state.time].clone());
        next.decide();
        next
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, state: &State) -> State {
        let mut next = State { time: state.time + 1, ..state.clone() };
        next.decide();
        next
    }

    /// Judges a final state.
    pub(crate) fn verdict(&self, state: &State) -> Verdict {
        let decision = state.decision();
        let ids: std::collections::BTreeSet<&String> = state.totals.keys().chain(self.expected.keys()).collect();
        let (mut rules, mut silent) = (Vec::new(), String::new());
        for id in ids {
            let (reported, expected) = (state.totals.get(id), self.expected.get(id));
            if reported == expected {
                continue;
            }
            let payment = decision.payments.iter().find(|payment| payment.transaction_id == *id);
            let doubts: Vec<&str> =
                payment.into_iter().flat_map(|payment| &payment.doubts).map(|doubt| doubt.as_str()).collect();
            match payment.map(|payment| &payment.status) {
                Some(Status::Conflict) => rules.push("conflict".to_owned()),
                _ if !doubts.is_empty() => rules.push(doubts.join(" ")),
                status => silent += &format!("{id} is {status:?}\n  reported {reported:?}\n  expected {expected:?}\n"),
            }
        }
        rules.sort();
        rules.dedup();
        match (silent.is_empty(), rules.is_empty()) {
            (false, _) => Verdict::Silent(silent),
            (true, false) => Verdict::Doubt(rules.join(", ")),
            (true, true) => Verdict::Exact,
        }
    }
}

impl State {
    /// Nothing has arrived.
    pub(crate) fn start() -> Self {
        let (facts, reports, totals) = (Facts::default(), Reports::new(), BTreeMap::new());
        Self { delivered: 0, time: 0, facts, reports, totals }
    }

    pub(crate) fn key(&self) -> Key {
        // The reports follow from the totals.
        let facts = serde_json::to_string(&self.facts).expect("facts are JSON");
        (self.delivered, self.time, facts, format!("{:?}", self.totals))
    }

    fn decision(&self) -> Decision {
        let (payments, sources) = self.facts.clone().split_sources();
        decide(&payments, &sources, &self.reports, &policy(), seconds(now() + LATER[self.time]))
    }

    /// Reports what is missing. A second decision must find nothing more.
    fn decide(&mut self) {
        let events: Vec<Event> = self.decision().events;
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
        let again = self.decision().events;
        assert!(again.is_empty(), "a decision leaves nothing to report: {again:?}");
    }
}
