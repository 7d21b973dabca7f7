//! What to report about a group of payments: a pure function of what is known, what was reported, and the policy.

use std::collections::BTreeMap;

use affitor::Event;

use super::{
    attribution::Source,
    case::Case,
    facts::Facts,
    past::Past,
    payment::{Decision, Payment, Status},
    policy::{Policy, Reports},
    sales::{Candidate, Form, sales},
    shares::{returned_of, shares},
    unknown::unknown_sales,
};

/// Decides what to report about a group of payments at the time `now`, in seconds of Unix time.
///
/// `sources` are the subscriptions and customers that the payments inherit from.
///
/// ```
/// use affitor::Event;
/// use affitor_payments::{
///     Reading, Stripe, StripeReporter, Webhook,
///     ledger::{Policy, Reports, decide},
/// };
///
/// # let now = std::time::SystemTime::now();
/// # let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App)?;
/// # let body = br#"{"id":"evt_1","type":"checkout.session.completed","created":1790000000,"livemode":true,
/// #     "data":{"object":{"id":"cs_1","object":"checkout.session","mode":"payment","payment_status":"paid",
/// #     "payment_intent":"pi_1","amount_total":4900,"currency":"usd","created":1790000000,
/// #     "metadata":{"affitor_customer_key":"user_7"}}}}"#;
/// # let headers = webhook.sign("msg_1", body, now);
/// # let event = webhook.verify(|name| headers.get(name).map(|value| value.as_bytes()), body, now)?;
/// let (payments, sources) = Reading::new(&event).facts(now)?.split_sources();
/// let decision = decide(&payments, &sources, &Reports::new(), &Policy::default(), 1_790_000_001);
/// let [Event::Sale(sale)] = &decision.events[..] else { panic!() };
/// assert_eq!((sale.transaction_id.as_str(), sale.amount_cents), ("pi_1", 4_900));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decide(
    facts: &Facts,
    sources: &BTreeMap<String, Source>,
    reports: &Reports,
    policy: &Policy,
    now: u64,
) -> Decision {
    decide_with(policy, facts, sources, reports, policy, now)
}

/// Decides with what `past` knows.
pub(super) fn decide_with(
    past: &dyn Past,
    facts: &Facts,
    sources: &BTreeMap<String, Source>,
    reports: &Reports,
    policy: &Policy,
    now: u64,
) -> Decision {
    let mut decision = Decision::default();
    let is_reported = |id: &str| reports.get(id).is_some_and(|reported| reported.sale);
    let candidates = sales(facts, is_reported);
    let shares = shares(facts, &candidates);
    for candidate in &candidates {
        let reported = reports.get(candidate.transaction_id).copied().unwrap_or_default();
        // Of a payment intent that is not known to be paid, only its refunds matter: see below.
        if is_unpaid_intent(candidate) {
            continue;
        }
        let returned = returned_of(facts, candidate, &shares, (past, policy), now);
        // A payment intent that names nobody is a part of something else, or not ours.
        let is_ours = candidate.attribution.names_somebody() || reported.sale;
        if candidate.form == Form::Intent && !is_ours && (candidate.counted_as.is_some() || returned.cents == 0) {
            continue;
        }
        decision.is_due_at(returned.due_at);
        let case = Case { candidate, sources, reported, returned, past, policy, now };
        decision.add(case.decide());
    }
    let is_candidate = |id: &str| candidates.iter().any(|candidate| candidate.transaction_id == id);
    // A part of a bill is known only if the bill is.
    let counts =
        |candidate: &&Candidate<'_>| !is_unpaid_intent(candidate) && candidate.counted_as.is_none_or(is_candidate);
    let is_known = |movement: &str| {
        candidates.iter().filter(counts).any(|candidate| {
            candidate.transaction_id == movement || candidate.movements.iter().any(|(known, _)| *known == movement)
        })
    };
    for unknown in unknown_sales(facts, is_known) {
        if let Some((payment, events, due_at)) = unknown.decide(facts, reports, (past, policy), now) {
            decision.is_due_at(due_at);
            decision.add((payment, events));
        }
    }
    decision
}

fn is_unpaid_intent(candidate: &Candidate<'_>) -> bool {
    candidate.form == Form::Intent && candidate.paid.is_none() && candidate.counted_as.is_none()
}

impl Decision {
    fn add(&mut self, (payment, events): (Payment, Vec<Event>)) {
        if let Status::Held { until } = payment.status {
            self.is_due_at(Some(until));
        }
        self.payments.push(payment);
        self.events.extend(events);
    }

    fn is_due_at(&mut self, time: Option<u64>) {
        self.due_at = [self.due_at, time].into_iter().flatten().min();
    }
}
