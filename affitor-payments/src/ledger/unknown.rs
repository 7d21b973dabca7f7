//! Refunds whose sale is not known: it is still to come, it was reported before, or the payment is not ours.

use std::collections::BTreeMap;

use affitor::{Currency, Event};

use super::{
    case::Case,
    facts::Facts,
    object::{Object, Paid},
    past::Past,
    payment::{Doubt, NotReported, Payment, Status},
    policy::{Policy, Reports},
    returned::returned,
    sales::{Candidate, Form},
    shares::{returned_of, shares},
};

/// How long a refund waits for its sale until the payment is not ours, in seconds. Providers redeliver for up to three days.
pub(super) const NOT_OURS: u64 = 4 * 24 * 60 * 60;

/// The movements that charges and reversals name, with the earliest time of a charge.
pub(super) fn movements(facts: &Facts) -> BTreeMap<&str, Option<u64>> {
    let mut movements = BTreeMap::new();
    for (id, object) in facts.iter() {
        match object {
            Object::Charge(charge) => {
                movements.insert(charge.movement.as_deref().unwrap_or(id), charge.created);
            }
            Object::Reversal(reversal) => {
                let of = match facts.get(&reversal.of) {
                    Some(Object::Charge(charge)) => charge.movement.as_deref().unwrap_or(&reversal.of),
                    _ => &reversal.of,
                };
                movements.entry(of).or_insert(None);
            }
            _ => {}
        }
    }
    movements
}

/// A refund whose sale is not known. `None` if nothing was returned.
pub(super) fn unknown_sale(
    facts: &Facts,
    movement: &str,
    created: Option<u64>,
    reports: &Reports,
    (past, policy): (&dyn Past, &Policy),
    now: u64,
) -> Option<(Payment, Vec<Event>)> {
    let charged = facts.iter().find_map(|(id, object)| match object {
        Object::Charge(charge) if charge.movement.as_deref().unwrap_or(id) == movement => {
            charge.currency.map(|currency| (charge.captured_cents, currency))
        }
        _ => None,
    });
    // The sale was reported under its bill, if the movement paid one.
    let bills: Vec<&str> = facts
        .iter()
        .filter_map(|(_, object)| match object {
            Object::Allocation(allocation) if allocation.movement == movement => Some(allocation.bill.as_str()),
            _ => None,
        })
        .collect();
    let id = if let [bill] = bills[..] { bill } else { movement };
    let reported = reports.get(id).copied().unwrap_or_default();
    // A sale that the app reported itself, and of which only a refund is known.
    let currency = facts.iter().find_map(|(_, object)| match object {
        Object::Reversal(reversal) => reversal.currency,
        _ => None,
    });
    let charged = charged.or(currency.filter(|_| reported.sale).map(|currency| (reported.sale_cents, currency)));
    // A bill may have had other payments.
    let charged = charged.map(|(cents, currency)| (cents.max(allocated(facts, id)).max(reported.sale_cents), currency));
    let paid = charged.map(|(cents, currency)| Paid::new(cents, currency, created.unwrap_or_default()));
    let fee_cents = match facts.get(movement) {
        Some(Object::Intent(intent)) => intent.fee_cents,
        _ => None,
    };
    let form = if id == movement { Form::Intent } else { Form::Bill };
    let candidate = Candidate { fee_cents, ..Candidate::new(id, form, paid, vec![(movement, None)]) };
    // Only this one: the bills that the movement paid are not known.
    let no_bills = Facts::default();
    let shares = shares(&no_bills, std::slice::from_ref(&candidate));
    let returned = match &candidate.paid {
        // Only how much was returned is known.
        None if past.reports_without_amount() => {
            returned(facts, movement, None, currency.unwrap_or(Currency::USD), past, now)
        }
        _ => returned_of(facts, &candidate, &shares, past, now),
    };
    let is_returned =
        returned.cents > 0 || returned.is_everything || returned.pending_cents > 0 || returned.due_at.is_some();
    let is_counted = candidate.paid.is_some() || past.reports_without_amount();
    if is_counted && !is_returned && !reported.sale {
        return None;
    }
    let case = Case { candidate: &candidate, sources: &BTreeMap::new(), reported, returned, past, policy, now };
    if reported.discarded {
        return Some((case.payment(Status::NotReported(NotReported::Discarded)), vec![]));
    }
    let why = if reported.sale { Some(Status::Reported) } else { past.why_unknown(created).map(Status::NotReported) };
    if let Some(status) = why {
        let foreign = candidate.paid.as_ref().map(|paid| paid.currency).or(currency);
        let foreign = foreign.filter(|currency| !reported.sale && !policy.currencies.contains(currency));
        if let Some(currency) = foreign {
            let status = Status::NotReported(NotReported::UnsupportedCurrency { currency });
            return Some((case.payment(status), vec![]));
        }
        let (mut payment, events) = case.with_refunds(status, vec![]);
        let is_before = payment.status == Status::NotReported(NotReported::BeforeLedger);
        if payment.reported_refund_cents > 0 && is_before && id == movement {
            payment.doubts.push(Doubt::UncertainId);
        }
        return Some((payment, events));
    }
    let since = returned_since(facts, movement).unwrap_or(now);
    let reason = if now < since.saturating_add(NOT_OURS) { NotReported::SaleUnknown } else { NotReported::NotOurs };
    Some((Payment { form: None, ..case.payment(Status::NotReported(reason)) }, vec![]))
}

/// What payments are known to have paid of a bill.
fn allocated(facts: &Facts, bill: &str) -> u64 {
    let allocations = facts.iter().filter_map(|(_, object)| match object {
        Object::Allocation(allocation) if allocation.bill == bill => allocation.cents,
        _ => None,
    });
    allocations.fold(0, u64::saturating_add)
}

/// Since when it is known that money was returned from a movement, in seconds of Unix time.
pub(super) fn returned_since(facts: &Facts, movement: &str) -> Option<u64> {
    let times = facts.iter().filter_map(|(id, object)| match object {
        Object::Charge(charge) if charge.movement.as_deref().unwrap_or(id) == movement => {
            charge.refunded.map(|total| total.known_since.0)
        }
        Object::Reversal(reversal) if reversal.of == movement => reversal.created,
        _ => None,
    });
    times.max()
}
