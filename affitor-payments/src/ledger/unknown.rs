//! Refunds whose sale is not known: it is still to come, it was reported before, or the payment is not ours.

use std::collections::BTreeMap;

use affitor::{Currency, Event};

use super::{
    case::Case,
    facts::Facts,
    object::{Object, Paid},
    past::Past,
    payment::{Doubt, NotReported, Payment, Status},
    policy::{Policy, Reported, Reports},
    returned::{Returned, charges, returned, reversals},
    sales::{Candidate, Form},
    shares::{returned_of, shares},
};

/// How long a refund waits for its sale until the payment is not ours, in seconds. Providers redeliver for up to three days.
const NOT_OURS: u64 = 4 * 24 * 60 * 60;

/// A sale that is not known, and what may have paid it.
pub(super) struct Unknown<'a> {
    /// The bill, if the movements paid one; else the movement.
    id: &'a str,
    movements: Vec<&'a str>,
    /// The earliest time of a charge, in seconds of Unix time.
    created: Option<u64>,
}

/// The sales of the movements that charges and reversals name, and that belong to no known sale.
pub(super) fn unknown_sales<'a>(facts: &'a Facts, is_known: impl Fn(&str) -> bool) -> Vec<Unknown<'a>> {
    let mut movements = BTreeMap::<&str, Option<u64>>::new();
    for (id, object) in facts.iter() {
        match object {
            Object::Charge(charge) => {
                let created = movements.entry(charge.movement.as_deref().unwrap_or(id)).or_default();
                *created = [*created, charge.created].into_iter().flatten().min();
            }
            Object::Reversal(reversal) => {
                let of = match facts.get(&reversal.of) {
                    Some(Object::Charge(charge)) => charge.movement.as_deref().unwrap_or(&reversal.of),
                    _ => &reversal.of,
                };
                movements.entry(of).or_default();
            }
            _ => {}
        }
    }
    let mut unknown = BTreeMap::<&str, Unknown<'_>>::new();
    for (movement, created) in movements.into_iter().filter(|(movement, _)| !is_known(movement)) {
        let mut bills = facts.iter().filter_map(|(_, object)| match object {
            Object::Allocation(allocation) if allocation.movement == movement => Some(allocation.bill.as_str()),
            _ => None,
        });
        // A movement that paid several bills has no single sale.
        let id = bills.next().filter(|_| bills.next().is_none()).unwrap_or(movement);
        let sale = unknown.entry(id).or_insert(Unknown { id, movements: vec![], created: None });
        sale.movements.push(movement);
        sale.created = [sale.created, created].into_iter().flatten().min();
    }
    unknown.into_values().collect()
}

impl Unknown<'_> {
    /// Decides about the refunds. Also returns when to decide again. `None` if there is nothing to tell.
    pub(super) fn decide(
        &self,
        facts: &Facts,
        reports: &Reports,
        (past, policy): (&dyn Past, &Policy),
        now: u64,
    ) -> Option<(Payment, Vec<Event>, Option<u64>)> {
        let reported = reports.get(self.id).copied().unwrap_or_default();
        let fee_cents = self.movements.iter().find_map(|movement| match facts.get(movement) {
            Some(Object::Intent(intent)) => intent.fee_cents,
            _ => None,
        });
        let form = if self.movements == [self.id] { Form::Intent } else { Form::Bill };
        let movements = self.movements.iter().map(|movement| (*movement, None)).collect();
        let candidate = Candidate { fee_cents, ..Candidate::new(self.id, form, self.paid(facts, reported), movements) };
        let returned = self.returned(facts, &candidate, (past, policy), now);
        let is_returned =
            returned.cents > 0 || returned.is_everything || returned.pending_cents > 0 || returned.due_at.is_some();
        let is_counted = candidate.paid.is_some() || past.reports_without_amount();
        if is_counted && !is_returned && !reported.sale {
            return None;
        }
        let due_at = returned.due_at;
        let case = Case { candidate: &candidate, sources: &BTreeMap::new(), reported, returned, past, policy, now };
        let not = |reason| {
            let payment = case.payment(Status::NotReported(reason));
            // It is not known when it was paid.
            Payment { paid_at: payment.paid_at.filter(|_| self.created.is_some()), ..payment }
        };
        if reported.discarded {
            return Some((not(NotReported::Discarded), vec![], None));
        }
        let why = if reported.sale {
            Some(Status::Reported)
        } else {
            past.why_unknown(self.created).map(Status::NotReported)
        };
        let Some(status) = why else {
            let since = self.returned_since(facts).unwrap_or(now);
            let until = since.saturating_add(NOT_OURS);
            return Some(if now < until {
                let due_at = [due_at, Some(until)].into_iter().flatten().min();
                (Payment { form: None, ..not(NotReported::SaleUnknown) }, vec![], due_at)
            } else {
                (Payment { form: None, ..not(NotReported::NotOurs) }, vec![], None)
            });
        };
        let currency = candidate.paid.as_ref().map(|paid| paid.currency).or_else(|| self.currency_of_reversals(facts));
        let foreign = currency.filter(|currency| !reported.sale && !policy.currencies.contains(currency));
        if let Some(currency) = foreign {
            return Some((not(NotReported::UnsupportedCurrency { currency }), vec![], None));
        }
        let (mut payment, events) = case.with_refunds(status, vec![]);
        payment.paid_at = payment.paid_at.filter(|_| self.created.is_some());
        let is_before = payment.status == Status::NotReported(NotReported::BeforeLedger);
        if payment.reported_refund_cents > 0 && is_before && form == Form::Intent {
            payment.doubts.push(Doubt::UncertainId);
        }
        Some((payment, events, due_at))
    }

    /// What was paid, as far as charges and what was reported tell it.
    fn paid(&self, facts: &Facts, reported: Reported) -> Option<Paid> {
        // Of several charges of a movement, all but one failed.
        let charge = |movement: &&str| {
            let charges = charges(facts, movement).into_iter();
            charges
                .filter_map(|(_, charge)| Some((charge.captured_cents, charge.currency?)))
                .max_by_key(|(cents, _)| *cents)
        };
        let charged = self.movements.iter().filter_map(charge).reduce(|(sum, currency), (cents, other)| {
            (if other == currency { sum.saturating_add(cents) } else { sum }, currency)
        });
        // A sale that the app reported itself, and of which only a refund is known.
        let currency = || reported.currency.or_else(|| self.currency_of_reversals(facts));
        let of_report = if reported.sale { currency().map(|currency| (reported.sale_cents, currency)) } else { None };
        let (cents, currency) = match (charged, of_report) {
            (Some((charged, currency)), Some((reported, other))) if currency == other => {
                (charged.max(reported), currency)
            }
            (charged, of_report) => charged.or(of_report)?,
        };
        // A bill may have had other payments.
        let cents = cents.max(allocated(facts, self.id));
        Some(Paid::new(cents, currency, self.created.unwrap_or_default()))
    }

    fn returned(
        &self,
        facts: &Facts,
        candidate: &Candidate<'_>,
        (past, policy): (&dyn Past, &Policy),
        now: u64,
    ) -> Returned {
        if candidate.paid.is_none() && past.reports_without_amount() {
            // Only how much was returned is known.
            let currency = self.currency_of_reversals(facts).unwrap_or(Currency::USD);
            let mut sum = Returned::default();
            for movement in &self.movements {
                sum.add(returned(facts, movement, None, currency, false, past, now));
            }
            return sum;
        }
        // Only this one: the bills that the movements paid are not known.
        let no_bills = Facts::default();
        let shares = shares(&no_bills, std::slice::from_ref(candidate));
        returned_of(facts, candidate, &shares, (past, policy), now)
    }

    fn currency_of_reversals(&self, facts: &Facts) -> Option<Currency> {
        self.movements
            .iter()
            .flat_map(|movement| reversals(facts, movement))
            .find_map(|(_, reversal)| reversal.currency)
    }

    /// Since when it is known that money was returned, in seconds of Unix time.
    fn returned_since(&self, facts: &Facts) -> Option<u64> {
        let of_movement = |movement: &&str| {
            let totals = charges(facts, movement).into_iter().filter_map(|(_, charge)| charge.refunded);
            let reversals = reversals(facts, movement).into_iter().filter_map(|(_, reversal)| reversal.created);
            totals.map(|total| total.known_since.0).chain(reversals).max()
        };
        self.movements.iter().filter_map(of_movement).max()
    }
}

/// What payments are known to have paid of a bill.
fn allocated(facts: &Facts, bill: &str) -> u64 {
    let allocations = facts.iter().filter_map(|(_, object)| match object {
        Object::Allocation(allocation) if allocation.bill == bill => allocation.cents,
        _ => None,
    });
    allocations.fold(0, u64::saturating_add)
}
