//! The decision about one sale.

use std::collections::BTreeMap;

use affitor::{ClickId, Event, Refund, Sale};

use super::{
    attribution::{Attribution, Source},
    lines::{Sold, sold},
    object::scale,
    past::Past,
    payment::{Doubt, NotReported, Payment, Status},
    policy::{CommissionOn, Policy, Reported},
    returned::Returned,
    sales::Candidate,
};
use crate::stripe_reporter::StripeReporter;

/// One sale with everything that its decision depends on.
pub(super) struct Case<'a> {
    pub(super) candidate: &'a Candidate<'a>,
    pub(super) sources: &'a BTreeMap<String, Source>,
    pub(super) reported: Reported,
    pub(super) returned: Returned,
    pub(super) past: &'a dyn Past,
    pub(super) policy: &'a Policy,
    pub(super) now: u64,
}

impl Case<'_> {
    pub(super) fn decide(&self) -> (Payment, Vec<Event>) {
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
        let Self { candidate, past, policy, .. } = self;
        let not = |reason| Err(Status::NotReported(reason));
        let Some(paid) = &candidate.paid else { return not(NotReported::NotPaid) };
        if paid.cents == 0 {
            return not(NotReported::NothingPaid);
        }
        let attribution = self.attribution();
        if !attribution.names_somebody() {
            // What named the customer may be forgotten, or older than the ledger. A refund counts then.
            let earlier = if self.returned.cents > 0 { past.why_unknown(Some(paid.at.0)) } else { None };
            return not(earlier.unwrap_or(NotReported::NoCustomer));
        }
        let is_other = |its: &String| policy.program_id.as_ref().is_some_and(|ours| ours != its);
        if attribution.program_id.as_ref().is_some_and(is_other) {
            return not(NotReported::OtherProgram);
        }
        if policy.stripe_reporter == StripeReporter::Affitor {
            return not(NotReported::ReadByAffitor);
        }
        if !policy.currencies.contains(&paid.currency) {
            return not(NotReported::UnsupportedCurrency { currency: paid.currency });
        }
        if let Some(reason) = past.excludes_sale(paid.at.0) {
            return not(reason);
        }
        let commissionable = self.commissionable_cents();
        if commissionable == 0 {
            return not(NotReported::NothingPaid);
        }
        let until = paid.known_since.0.saturating_add(past.hold());
        let may_have_fee = candidate.may_have_fee && policy.commission_on == CommissionOn::Fee;
        if (candidate.may_be_another || may_have_fee) && self.now < until {
            return Err(Status::Held { until });
        }
        if past.is_in_conflict() {
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
        let sold = self.sold();
        (sale.product_id, sale.line_items) = (sold.product_id, sold.line_items);
        Ok(if policy.test { sale.test_mode(true) } else { sale })
    }

    /// Adds the refund that brings what is reported up to what was returned.
    pub(super) fn with_refunds(&self, status: Status, mut events: Vec<Event>) -> (Payment, Vec<Event>) {
        let mut payment = self.payment(status);
        let id = self.candidate.transaction_id;
        let (whole, base) = (payment.paid_cents, payment.commissionable_cents);
        // Without the amount of the sale, a refund counts as it is.
        let is_known = self.candidate.paid.is_some() || !self.past.reports_without_amount();
        let is_fee = self.policy.commission_on == CommissionOn::Fee && self.candidate.fee_cents.is_some();
        let share = |cents: u64| match (is_known, is_fee) {
            // Rounded on the cumulated amount.
            (true, _) => scale(base, (cents, whole.max(1))),
            (false, false) => cents,
            // A part of a fee can't be known then.
            (false, true) => 0,
        };
        let done = match (self.reported.fully_refunded, is_known) {
            (true, _) => base,
            (false, true) => self.reported.refunded_cents.min(base),
            (false, false) => self.reported.refunded_cents,
        };
        payment.reported_refund_cents = done;
        let is_full = if is_known { whole > 0 && self.returned.cents >= whole } else { self.returned.is_everything };
        let (target, doubt) =
            self.past.refund_target(self.returned.cents, self.returned.recent_cents, &payment.status, is_full);
        payment.doubts.extend(doubt);
        let is_everything = is_full && target == self.returned.cents;
        let split = self.returned.split;
        let target = match self.policy.commission_on {
            // Of a refund, tax may be more or less than of the payment.
            CommissionOn::Net if target == self.returned.cents && target >= split.cents && !is_full => {
                split.net_cents.saturating_add(share(target - split.cents)).min(base)
            }
            _ => share(target),
        };
        // While a part of the total is held, the target may still grow.
        let pending = share(self.returned.pending_cents);
        if target.saturating_add(pending) < done && self.returned.due_at.is_none() {
            payment.doubts.push(Doubt::ReportedTooMuch);
        }
        let held_back =
            self.policy.test || self.past.is_in_conflict() || self.policy.stripe_reporter == StripeReporter::Affitor;
        let due = target.saturating_sub(done);
        let knows_refunds = self.past.knows_refunds(self.returned.cents, self.returned.recent_cents, &payment.status);
        let is_due = if is_known { due > 0 } else { !self.reported.fully_refunded && (due > 0 || is_everything) };
        if is_due && !held_back {
            payment.reported_refund_cents = target;
            events.push(match (is_everything, done) {
                (true, 0) => Refund::full(id).into(),
                (true, _) if !is_known || !knows_refunds => Refund::full(id).into(),
                _ => {
                    let refund_id = self.past.refund_id(id, target, self.returned.id(id));
                    Refund::partial(id, due).refund_id(refund_id).into()
                }
            });
        }
        (payment, events)
    }

    fn attribution(&self) -> Attribution {
        let named = self.named();
        match self.customer() {
            Some(customer) if named.customer_key.is_none() && !customer.disagrees => named.or(&customer.attribution),
            _ => named,
        }
        .or(&self.candidate.fallback)
    }

    /// What the payment itself and its subscription say.
    fn named(&self) -> Attribution {
        let own = self.candidate.attribution.clone();
        match self.candidate.source.and_then(|source| self.sources.get(source)) {
            Some(source) => own.or(&source.attribution),
            None => own,
        }
    }

    /// What was reported without a product stays so.
    fn lacks_product(&self) -> bool {
        if self.reported.sale { self.reported.without_product } else { self.sold().is_unknown }
    }

    fn sold(&self) -> Sold {
        let Candidate { details, lines, .. } = self.candidate;
        sold(details.product_id.as_deref(), *lines, &self.policy.products)
    }

    fn customer(&self) -> Option<&Source> {
        self.sources.get(self.candidate.customer?)
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
            (candidate.contradicts, Doubt::AmountsContradict),
            (status == Status::Reported && self.lacks_product(), Doubt::ProductUnknown),
            (
                self.customer().is_some_and(|customer| customer.disagrees) && self.named().customer_key.is_none(),
                Doubt::CustomersDisagree,
            ),
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
            customer: candidate.customer.map(str::to_owned),
            returned_cents: returned.cents,
            reported_refund_cents: self.reported.refunded_cents,
            doubts,
        }
    }
}
