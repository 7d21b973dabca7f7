//! Which part of a movement of money pays which sale, and which part of what was returned is its own.

use std::collections::BTreeMap;

use super::{
    facts::Facts,
    object::{Intent, Object, scale},
    past::Past,
    policy::{CommissionOn, Policy},
    returned::{Returned, Split, returned},
    sales::{Candidate, Form},
};

/// The parts of each movement, in the order of the sales: where each one begins, and how much it is. A movement may pay several
/// bills.
pub(super) type Shares<'a> = BTreeMap<&'a str, Vec<(&'a str, u64)>>;

pub(super) fn shares<'a>(facts: &'a Facts, candidates: &[Candidate<'a>]) -> Shares<'a> {
    let mut shares: Shares<'a> = BTreeMap::new();
    // What was reported twice has two whole shares.
    let counts = |candidate: &&Candidate<'_>| candidate.counted_as.is_none() && !candidate.is_doubled;
    for candidate in candidates.iter().filter(counts) {
        let whole = candidate.paid.as_ref().map_or(0, |paid| paid.cents);
        for (movement, cents) in &candidate.movements {
            shares.entry(movement).or_default().push((candidate.transaction_id, cents.unwrap_or(whole)));
        }
    }
    // Bills of which nothing else is known yet have a share as well, unless they repeat a one-time Checkout payment.
    let is_checkout = |movement: &str| {
        candidates.iter().any(|candidate| candidate.form == Form::Checkout && candidate.transaction_id == movement)
    };
    for (_, object) in facts.iter() {
        let Object::Allocation(allocation) = object else { continue };
        if is_checkout(&allocation.movement) {
            continue;
        }
        let (Some(parts), Some(cents)) = (shares.get_mut(allocation.movement.as_str()), allocation.cents) else {
            continue;
        };
        if candidates.iter().all(|candidate| candidate.transaction_id != allocation.bill) {
            parts.push((&allocation.bill, cents));
        }
    }
    for parts in shares.values_mut() {
        parts.sort_unstable();
    }
    shares
}

/// What was returned of a sale: its share of what was returned of each of its movements.
pub(super) fn returned_of(
    facts: &Facts,
    sale: &Candidate<'_>,
    shares: &Shares<'_>,
    (past, policy): (&dyn Past, &Policy),
    now: u64,
) -> Returned {
    // Only an invoice has credit notes, which tell how much of a refund is tax.
    let awaits_notes = sale.form == Form::Bill && policy.commission_on == CommissionOn::Net;
    let Some(paid) = sale.paid.as_ref().filter(|_| sale.counted_as.is_none()) else { return Returned::default() };
    let mut sum = Returned::default();
    for (movement, cents) in &sale.movements {
        let alone = [(sale.transaction_id, cents.unwrap_or(paid.cents))];
        let parts = match shares.get(movement) {
            _ if sale.is_doubled => &alone[..],
            Some(parts) => parts,
            None => continue,
        };
        let whole: u64 = parts.iter().map(|(_, cents)| *cents).fold(0, u64::saturating_add);
        // Another part of the movement may not be known yet.
        let whole = match facts.get(movement) {
            Some(Object::Intent(Intent { paid: Some(received), .. })) if received.currency == paid.currency => {
                whole.max(received.cents)
            }
            _ => whole,
        };
        let of_movement = returned(facts, movement, Some(whole), paid.currency, awaits_notes, past, now);
        // Rounded on the cumulated amount, so that the shares add up.
        let before = parts.iter().take_while(|(id, _)| *id != sale.transaction_id);
        let before = before.map(|(_, cents)| *cents).fold(0, u64::saturating_add);
        let own = parts.iter().find(|(id, _)| *id == sale.transaction_id).map_or(0, |(_, cents)| *cents);
        let until = before.saturating_add(own);
        let share = |cents: u64| scale(cents, (until, whole)).saturating_sub(scale(cents, (before, whole)));
        sum.add(Returned {
            cents: share(of_movement.cents),
            recent_cents: share(of_movement.recent_cents),
            pending_cents: share(of_movement.pending_cents),
            split: Split { cents: share(of_movement.split.cents), net_cents: share(of_movement.split.net_cents) },
            ..of_movement
        });
        sum.cents = sum.cents.min(paid.cents);
        sum.recent_cents = sum.recent_cents.min(sum.cents);
    }
    sum
}
