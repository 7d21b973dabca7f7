//! What to report about a group of payments: a pure function of what is known, what was reported, and the policy.

use std::collections::BTreeMap;

use super::{
    Facts,
    object::{Attribution, Source, scale},
    payment::{Decision, Doubt, NotReported, Payment, Status},
    policy::{CommissionOn, Policy, Reported, Reports},
    returned::Returned,
    sales::{Candidate, Form, sales},
    shares::{returned_of, shares},
    unknown::{NOT_OURS, movements, returned_since, unknown_sale},
};
use crate::{
    click_id::ClickId,
    event::{Event, Refund, Sale},
};

/// Decides what to report about a group of payments at the time `now`, in seconds of Unix time.
///
/// `sources` are the subscriptions and customers that the payments inherit from.
///
/// ```
/// use affitor::{
///     Event,
///     ledger::{Policy, Reports, decide},
///     webhook::{Stripe, Webhook},
/// };
///
/// # let now = std::time::SystemTime::now();
/// # let webhook = Webhook::<Stripe>::new("whsec_0123456789")?;
/// # let body = br#"{"id":"evt_1","type":"checkout.session.completed","created":1790000000,"livemode":true,
/// #     "data":{"object":{"id":"cs_1","object":"checkout.session","mode":"payment","payment_status":"paid",
/// #     "payment_intent":"pi_1","amount_total":4900,"currency":"usd","created":1790000000,
/// #     "metadata":{"affitor_customer_key":"user_7"}}}}"#;
/// # let headers = webhook.sign("msg_1", body, now);
/// # let event = webhook.verify(|name| headers.get(name).map(|value| value.as_bytes()), body, now)?;
/// let (payments, sources) = event.facts(now)?.split_sources();
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
        let returned = returned_of(facts, candidate, &shares, policy, now);
        // A payment intent that names nobody is a part of something else, or not ours.
        let is_ours = candidate.attribution.names_somebody() || reported.sale;
        if candidate.form == Form::Intent && !is_ours && (candidate.counted_as.is_some() || returned.cents == 0) {
            continue;
        }
        decision.is_due_at(returned.due_at);
        let case = Case { candidate, sources, reported, returned, policy, now };
        decision.add(case.decide());
    }
    let known = |movement: &str| {
        candidates.iter().filter(|candidate| !is_unpaid_intent(candidate)).any(|candidate| {
            candidate.transaction_id == movement || candidate.movements.iter().any(|(known, _)| *known == movement)
        })
    };
    for (movement, created) in movements(facts) {
        if !known(movement) {
            let Some((payment, events)) = unknown_sale(facts, movement, created, reports, policy, now) else {
                continue;
            };
            if payment.status == Status::NotReported(NotReported::SaleUnknown) {
                let since = returned_since(facts, movement).unwrap_or(now);
                decision.is_due_at(Some(since.saturating_add(NOT_OURS)));
            }
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

/// One sale with everything that its decision depends on.
pub(super) struct Case<'a> {
    pub(super) candidate: &'a Candidate<'a>,
    pub(super) sources: &'a BTreeMap<String, Source>,
    pub(super) reported: Reported,
    pub(super) returned: Returned,
    pub(super) policy: &'a Policy,
    pub(super) now: u64,
}

impl Case<'_> {
    fn decide(&self) -> (Payment, Vec<Event>) {
        if let Some(whole) = self.candidate.counted_as {
            let reason = NotReported::CountedAs { transaction_id: whole.to_owned() };
            return (self.payment(Status::NotReported(reason)), vec![]);
        }
        if self.reported.discarded {
            return (self.payment(Status::NotReported(NotReported::Discarded)), vec![]);
        }
        if self.reported.sale {
            return self.with_refunds(Status::Reported, vec![]);
        }
        match self.sale() {
            Ok(sale) => self.with_refunds(Status::Reported, vec![sale.into()]),
            Err(status @ Status::NotReported(NotReported::BeforeLedger | NotReported::EarlierWebhook)) => {
                self.with_refunds(status, vec![])
            }
            Err(status) => (self.payment(status), vec![]),
        }
    }

    /// Returns the sale to report, or why there is none.
    fn sale(&self) -> Result<Sale, Status> {
        let Self { candidate, policy, .. } = self;
        let not = |reason| Err(Status::NotReported(reason));
        let Some(paid) = &candidate.paid else { return not(NotReported::NotPaid) };
        if paid.cents == 0 {
            return not(NotReported::NothingPaid);
        }
        let attribution = self.attribution();
        if !attribution.names_somebody() {
            return not(NotReported::NoCustomer);
        }
        let is_other = |its: &String| policy.program_id.as_ref().is_some_and(|ours| ours != its);
        if attribution.program_id.as_ref().is_some_and(is_other) {
            return not(NotReported::OtherProgram);
        }
        if policy.read_by_affitor == Some(true) {
            return not(NotReported::ReadByAffitor);
        }
        if !policy.currencies.contains(&paid.currency) {
            return not(NotReported::UnsupportedCurrency { currency: paid.currency });
        }
        if paid.at.0 < policy.since {
            return not(if policy.forgets { NotReported::EarlierWebhook } else { NotReported::BeforeLedger });
        }
        let commissionable = self.commissionable_cents();
        if commissionable == 0 {
            return not(NotReported::NothingPaid);
        }
        let until = paid.known_since.0.saturating_add(policy.hold.as_secs());
        let may_have_fee = candidate.may_have_fee && policy.commission_on == CommissionOn::Fee;
        if (candidate.may_be_another || may_have_fee) && self.now < until {
            return Err(Status::Held { until });
        }
        if policy.conflict {
            return Err(Status::Conflict);
        }
        let click_id = attribution.click_id.and_then(|id| ClickId::new(id).ok());
        let mut sale = Sale::new(candidate.transaction_id, commissionable, paid.currency).click_id(click_id);
        if let Some(key) = attribution.customer_key {
            sale = sale.customer_key(key);
        }
        if let Some(subscription) = &candidate.details.subscription_id {
            let interval = candidate.details.interval.clone().map(Into::into);
            sale = sale.subscription(subscription, interval).recurring(candidate.details.recurring);
        }
        if let Some(product) = &candidate.details.product_id {
            sale = sale.product_id(product);
        }
        Ok(if policy.test { sale.test_mode(true) } else { sale })
    }

    /// Adds the refund that brings what is reported up to what was returned.
    pub(super) fn with_refunds(&self, status: Status, mut events: Vec<Event>) -> (Payment, Vec<Event>) {
        let mut payment = self.payment(status);
        let (id, whole) = (self.candidate.transaction_id, payment.paid_cents);
        let base = payment.commissionable_cents;
        let done = if self.reported.fully_refunded { base } else { self.reported.refunded_cents.min(base) };
        payment.reported_refund_cents = done;
        let is_before = payment.status == Status::NotReported(NotReported::BeforeLedger);
        let is_full = whole > 0 && self.returned.cents >= whole;
        let target = if self.policy.forgets {
            self.returned.recent_cents
        } else if is_before && !is_full {
            if self.returned.recent_cents < self.returned.cents {
                payment.doubts.push(Doubt::RefundedBeforeLedger);
            }
            self.returned.recent_cents
        } else {
            self.returned.cents
        };
        let is_everything = is_full && target == self.returned.cents;
        // Shares are rounded on the cumulated amount.
        let target = scale(base, (target, whole.max(1)));
        // While a part of the total is held, the target may still grow.
        let pending = scale(base, (self.returned.pending_cents, whole.max(1)));
        if target.saturating_add(pending) < done && self.returned.due_at.is_none() {
            payment.doubts.push(Doubt::ReportedTooMuch);
        }
        let held_back = self.policy.test || self.policy.conflict || self.policy.read_by_affitor == Some(true);
        let due = target.saturating_sub(done);
        if due > 0 && !held_back {
            payment.reported_refund_cents = target;
            events.push(
                match (is_everything, done) {
                    (true, 0) => Refund::full(id),
                    _ if self.policy.forgets => Refund::partial(id, due).refund_id(self.returned.id(id)),
                    // The total is reached once, so it identifies the refund.
                    _ => Refund::partial(id, due).refund_id(format_args!("{id}:{target}")),
                }
                .into(),
            );
        }
        (payment, events)
    }

    fn attribution(&self) -> Attribution {
        let own = self.candidate.attribution.clone();
        match self.candidate.source.and_then(|source| self.sources.get(source)) {
            Some(source) => own.or(&source.attribution).or(&self.candidate.fallback),
            None => own.or(&self.candidate.fallback),
        }
    }

    fn commissionable_cents(&self) -> u64 {
        // What was reported is the basis of its refunds, even if the policy has changed since.
        if self.reported.sale && self.reported.sale_cents > 0 {
            return self.reported.sale_cents;
        }
        let Some(paid) = &self.candidate.paid else { return 0 };
        match (self.policy.commission_on, self.candidate.fee_cents) {
            (CommissionOn::Gross, _) | (CommissionOn::Fee, None) => paid.cents,
            (CommissionOn::Net, _) => paid.cents_without_tax(),
            (CommissionOn::Fee, Some(fee)) => fee.min(paid.cents),
        }
    }

    pub(super) fn payment(&self, status: Status) -> Payment {
        let Self { candidate, returned, .. } = self;
        let mut doubts = vec![];
        let checks = [
            (returned.other_currency, Doubt::OtherCurrency),
            (candidate.is_doubled, Doubt::CountedTwice),
            (
                candidate.fee_cents.is_some() && self.policy.commission_on == CommissionOn::Gross,
                Doubt::DestinationCharge,
            ),
        ];
        doubts.extend(checks.into_iter().filter(|(applies, _)| *applies).map(|(_, doubt)| doubt));
        Payment {
            transaction_id: candidate.transaction_id.to_owned(),
            form: Some(candidate.form),
            status,
            paid_cents: candidate.paid.as_ref().map_or(0, |paid| paid.cents),
            commissionable_cents: self.commissionable_cents(),
            currency: candidate.paid.as_ref().map(|paid| paid.currency),
            paid_at: candidate.paid.as_ref().map(|paid| paid.at.0),
            attribution: self.attribution(),
            source: candidate.source.map(str::to_owned),
            returned_cents: returned.cents,
            reported_refund_cents: self.reported.refunded_cents,
            doubts,
        }
    }
}
