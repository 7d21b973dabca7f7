//! A shop that keeps its ledger in memory, and what it reports, as short texts.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use affitor::Event;
use affitor_payments::{
    Ignored, NoFacts, Provider, Reading, Refused, Webhook, WebhookEvent,
    ledger::{Doubt, Facts, NotReported, Payment, Policy, Reports, Status, decide},
    object_facts,
};

use super::support::{Delivery, NOW, Row};

const DAY: u64 = 24 * 60 * 60;

/// What a shop knows about the payments of one account in one mode, and what it has reported.
#[derive(Default)]
struct Scope {
    facts: Facts,
    policy: Policy,
    reports: Reports,
    payments: Vec<Payment>,
    /// When to decide again.
    due_at: Option<u64>,
}

/// What came of a row.
#[derive(Default)]
pub(crate) struct Outcome {
    events: Vec<Event>,
    statuses: Vec<String>,
    unread: Vec<String>,
    /// The text before the hold has passed.
    pub(crate) held: String,
}

/// Delivers webhooks and objects. `each` decides after each one, like a shop, and not only at the end.
pub(crate) fn run<P: Provider>(row: &Row<P>, deliveries: &[Delivery], each: bool) -> Outcome {
    let endpoint = Webhook::<P>::disabled().or_secret("whsec_0123456789").unwrap();
    let endpoint = (row.endpoint)(endpoint);
    let mut scopes = BTreeMap::<(Option<String>, bool), Scope>::new();
    let (mut outcome, mut now) = (Outcome::default(), NOW);
    for delivery in deliveries {
        now += delivery.delay;
        let (scope, policy, facts) = if delivery.by_api {
            ((None, false), Policy::default(), object_facts::<P>(delivery.object(), at(now)))
        } else {
            let event = verified(&endpoint, delivery, now);
            let scope = (event.account().map(str::to_owned), event.is_test());
            (scope, Reading::new(&event).policy(), Reading::new(&event).facts(at(now)))
        };
        let scope = scopes.entry(scope).or_insert_with(|| Scope { reports: row.reports.clone(), ..Scope::default() });
        scope.policy = policy;
        scope.policy.program_id = Some("42".to_owned());
        (row.policy)(&mut scope.policy);
        // What was held is decided in the meantime.
        if each && delivery.delay > 1 {
            outcome.events.extend(scope.decide(now));
        }
        match facts {
            Ok(facts) => scope.facts.merge(facts),
            Err(reason) => outcome.unread.push(not_read(&reason)),
        }
        if each {
            outcome.events.extend(scope.decide(now));
        }
    }
    outcome.show(&scopes);
    outcome.held = outcome.text();
    for scope in scopes.values_mut() {
        // Only when a decision says so, as the outbox does.
        let mut time = now;
        if !each {
            outcome.events.extend(scope.decide(time));
        }
        while let Some(due) = scope.due_at.filter(|due| *due <= now + DAY) {
            assert!(due > time, "{}: due at {due}, and it is {time}", row.name);
            time = due;
            outcome.events.extend(scope.decide(time));
        }
    }
    outcome.show(&scopes);
    for scope in scopes.values_mut() {
        let more = scope.decide(now + 30 * DAY);
        assert!(more.is_empty(), "{}: {more:?} was never due", row.name);
    }
    outcome
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn verified<P: Provider>(endpoint: &Webhook<P>, delivery: &Delivery, now: u64) -> WebhookEvent<P> {
    let body = delivery.body.to_string();
    let headers = endpoint.sign("msg_1", body.as_bytes(), at(now));
    endpoint.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), at(now)).unwrap()
}

impl Scope {
    /// Decides each group of payments, and reports what is missing.
    fn decide(&mut self, now: u64) -> Vec<Event> {
        let (payments, sources) = self.facts.clone().split_sources();
        self.payments.clear();
        self.due_at = None;
        let mut events = Vec::new();
        for group in groups(&payments) {
            let decision = decide(&group, &sources, &self.reports, &self.policy, now);
            for event in &decision.events {
                event.validate().unwrap();
                self.report(event);
            }
            events.extend(decision.events);
            for payment in decision.payments.iter().filter(|payment| payment.doubts.contains(&Doubt::ProductUnknown)) {
                self.reports.entry(payment.transaction_id.clone()).or_default().without_product = true;
            }
            self.due_at = [self.due_at, decision.due_at].into_iter().flatten().min();
            self.payments.extend(decision.payments);
        }
        events
    }

    fn report(&mut self, event: &Event) {
        let id = event.ids().transaction_id.unwrap().to_owned();
        let reported = self.reports.entry(id).or_default();
        match event {
            Event::Sale(sale) => (reported.sale, reported.sale_cents) = (true, sale.amount_cents),
            Event::Refund(refund) => match refund.refund_amount_cents {
                None => reported.fully_refunded = true,
                Some(cents) => reported.refunded_cents += cents,
            },
            other => panic!("{} is not about a payment", other.kind()),
        }
    }
}

/// Payments that share an id are decided together.
fn groups(facts: &Facts) -> Vec<Facts> {
    let mut groups = Vec::<Facts>::new();
    for (id, object) in facts.iter() {
        let mut group = Facts::default();
        group.add(id, object.clone());
        let (same, others) = groups.into_iter().partition(|other| !other.ids().is_disjoint(&group.ids()));
        let same: Vec<Facts> = same;
        same.into_iter().for_each(|facts| group.merge(facts));
        groups = others;
        groups.push(group);
    }
    groups
}

impl Outcome {
    fn show(&mut self, scopes: &BTreeMap<(Option<String>, bool), Scope>) {
        let payments = scopes.values().flat_map(|scope| &scope.payments);
        let mut statuses: Vec<String> = payments.filter_map(|payment| self.status(payment)).collect();
        statuses.sort();
        statuses.dedup();
        self.statuses = statuses;
    }

    /// A payment's status and doubts. `None` if they are no news: its sale was reported.
    fn status(&self, payment: &Payment) -> Option<String> {
        let is_sale =
            |event: &Event| matches!(event, Event::Sale(sale) if sale.transaction_id == payment.transaction_id);
        if payment.status == Status::Reported && payment.doubts.is_empty() && self.events.iter().any(is_sale) {
            return None;
        }
        let mut text = format!("{} {}", payment.transaction_id, payment.status.as_str());
        match &payment.status {
            Status::NotReported(NotReported::CountedAs { transaction_id, .. }) => text += &format!(" {transaction_id}"),
            Status::NotReported(NotReported::UnsupportedCurrency { currency, .. }) => text += &format!(" {currency}"),
            _ => {}
        }
        for doubt in &payment.doubts {
            text += &format!(", doubt {}", doubt.as_str());
        }
        Some(text)
    }

    pub(crate) fn text(&self) -> String {
        let mut unread = self.unread.clone();
        unread.sort();
        unread.dedup();
        let parts = self.events.iter().map(describe).chain(self.statuses.iter().cloned()).chain(unread);
        parts.collect::<Vec<_>>().join("; ")
    }

    /// What does not depend on the order: of each transaction the sales and the sum of the refunds, and the statuses.
    pub(crate) fn summary(&self) -> String {
        let mut sums = BTreeMap::<String, (Vec<String>, u64)>::new();
        for event in &self.events {
            let id = event.ids().transaction_id.unwrap().to_owned();
            let sum = sums.entry(id.clone()).or_default();
            match event {
                Event::Sale(_) => sum.0.push(describe(event)),
                Event::Refund(refund) => {
                    let sale = self.events.iter().find_map(|event| match event {
                        Event::Sale(sale) if sale.transaction_id == id => Some(sale.amount_cents),
                        _ => None,
                    });
                    sum.1 += refund.refund_amount_cents.or(sale).unwrap_or(u64::MAX / 2);
                }
                _ => {}
            }
        }
        sums.values_mut().for_each(|(sales, _)| sales.sort());
        format!("{sums:?} {:?}", self.statuses)
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Sale(sale) => {
            let customer = sale.customer_key.as_deref().unwrap_or("-");
            let mut text = format!("sale {} {} {} {customer}", sale.transaction_id, sale.amount_cents, sale.currency);
            let mut add = |word: &str| text += &format!(" {word}");
            if sale.click_id.is_some() {
                add("click");
            }
            if let Some(product) = &sale.product_id {
                add(product);
            }
            if let Some(subscription) = &sale.subscription_id {
                add(subscription);
            }
            if let Some(interval) = &sale.subscription_interval {
                add(interval.as_str());
            }
            if sale.is_recurring {
                add("recurring");
            }
            if sale.is_test() {
                add("test");
            }
            if let Some(lines) = &sale.line_items {
                add(&lines.to_string());
            }
            text
        }
        Event::Refund(refund) => match refund.refund_amount_cents {
            None => format!("full refund {}", refund.transaction_id),
            Some(cents) => format!("partial refund {} {cents}", refund.transaction_id),
        },
        other => other.kind().to_owned(),
    }
}

fn not_read(reason: &NoFacts) -> String {
    match reason {
        NoFacts::Ignored(Ignored::CountedElsewhere { .. }) => "ignored CountedElsewhere".to_owned(),
        NoFacts::Ignored(reason) => format!("ignored {reason:?}"),
        NoFacts::Refused(Refused::MissingField { field, .. } | Refused::WrongField { field, .. }) => {
            format!("refused {field}")
        }
        other => format!("{other:?}"),
    }
}
