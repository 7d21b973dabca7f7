//! A shop that keeps its ledger in memory.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use affitor::Event;
use affitor_payments::{
    NoFacts, Provider, Reading, Webhook,
    ledger::{Facts, Policy, Reported, Reports, decide},
};
use serde_json::Value;

/// Reads what a webhook says about payments.
///
/// # Errors
///
/// Returns why it says nothing.
pub fn facts(provider: shop_lives::Provider, body: &Value, now: SystemTime) -> Result<Facts, NoFacts> {
    with_rules!(provider, |Rules| facts_of::<Rules>(body, now))
}

fn facts_of<P: Provider>(body: &Value, now: SystemTime) -> Result<Facts, NoFacts> {
    let webhook = Webhook::<P>::disabled().or_secret("whsec_0123456789").unwrap();
    let body = body.to_string();
    let headers = webhook.sign("msg_1", body.as_bytes(), now);
    let event = webhook.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), now).unwrap();
    Reading::new(&event).facts(now)
}

/// What a shop knows, and what it has reported.
#[derive(Debug, Default)]
pub struct Shop {
    /// What is known.
    pub facts: Facts,
    /// What was reported, as the decision sees it.
    pub reports: Reports,
    /// What was reported, in order.
    pub events: Vec<Event>,
}

impl Shop {
    /// Decides, and reports what is missing.
    pub fn decide(&mut self, now: SystemTime) {
        let (payments, sources) = self.facts.clone().split_sources();
        let decision = decide(&payments, &sources, &self.reports, &policy(), seconds(now));
        for event in decision.events {
            report(&mut self.reports, &event);
            self.events.push(event);
        }
    }

    /// What the shop knows about each subscription and customer.
    pub fn reports_without(&self, change: impl Fn(&mut Reported)) -> BTreeMap<String, Reported> {
        let mut reports = self.reports.clone();
        reports.values_mut().for_each(change);
        reports
    }
}

/// Adds an event to what was reported.
pub fn report(reports: &mut Reports, event: &Event) {
    let id = event.ids().transaction_id.expect("payments have one").to_owned();
    let reported = reports.entry(id).or_default();
    match event {
        Event::Sale(sale) => *reported = Reported::sale(sale.amount_cents),
        Event::Refund(refund) => match refund.refund_amount_cents {
            None => reported.fully_refunded = true,
            Some(cents) => reported.refunded_cents += cents,
        },
        _ => panic!("not a payment"),
    }
}

/// The shop's policy.
pub fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.program_id = Some("42".to_owned());
    policy
}

/// Seconds since 1970.
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Later than every hold.
pub fn after_hold(now: SystemTime) -> SystemTime {
    now + Duration::from_secs(60 * 60)
}
