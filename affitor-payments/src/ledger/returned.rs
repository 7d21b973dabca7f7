//! How much of a movement of money was returned to the customer: a pure function of totals, refunds and disputes.

use std::cmp::Reverse;

use affitor::Currency;

use super::{
    facts::Facts,
    object::{Object, scale},
    past::Past,
    reversal::{Charge, Reversal, ReversalStatus},
};

/// Money that was returned from a movement, in the currency's smallest unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Returned {
    /// Everything that was returned.
    pub(super) cents: u64,
    /// Whether a refund without an amount returned everything, and the amount of the sale is not known.
    pub(super) is_everything: bool,
    /// The part that was certainly returned since the start of the ledger.
    pub(super) recent_cents: u64,
    /// Whether an amount is in another currency than the sale, so that it can't be counted.
    pub(super) other_currency: bool,
    /// Refunds that may still succeed.
    pub(super) pending_cents: u64,
    /// The part of `cents` of which the provider says how much is not tax, and that amount.
    pub(super) split: Split,
    /// The provider's running total.
    pub(super) total_cents: u64,
    /// Id of the latest refund or dispute that counts.
    pub(super) last: Option<String>,
    /// When a part of the total counts that no refund explains, in seconds of Unix time.
    pub(super) due_at: Option<u64>,
}

/// An amount, and the part of it that is not tax.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) cents: u64,
    pub(super) net_cents: u64,
}

impl Split {
    fn add(self, other: Self) -> Self {
        Self {
            cents: self.cents.saturating_add(other.cents),
            net_cents: self.net_cents.saturating_add(other.net_cents),
        }
    }

    /// What the reversal says itself, or a credit note about it.
    fn of(facts: &Facts, id: &str, reversal: &Reversal) -> Option<Self> {
        let cents = reversal.cents?;
        let net_cents = reversal.net_cents.or_else(|| {
            let mut notes = facts.iter().filter_map(|(_, object)| match object {
                Object::CreditNote(note) if !note.is_void && note.refunds.contains(id) => note.without_tax,
                _ => None,
            });
            notes.next().map(|share| scale(cents, share))
        })?;
        Some(Self { cents, net_cents })
    }
}

impl Returned {
    /// Adds what was returned of another movement of the same sale.
    pub(super) fn add(&mut self, other: Self) {
        self.cents = self.cents.saturating_add(other.cents);
        self.is_everything |= other.is_everything;
        self.recent_cents = self.recent_cents.saturating_add(other.recent_cents);
        self.other_currency |= other.other_currency;
        self.pending_cents = self.pending_cents.saturating_add(other.pending_cents);
        self.split = self.split.add(other.split);
        self.total_cents = self.total_cents.saturating_add(other.total_cents);
        self.last = self.last.take().max(other.last);
        self.due_at = [self.due_at, other.due_at].into_iter().flatten().min();
    }

    /// Identifies the latest refund of a sale by what the provider says, on which several processes agree that know nothing else.
    pub(super) fn id(&self, sale: &str) -> String {
        match (self.total_cents, &self.last) {
            (total, None) => format!("{sale}:{total}"),
            (0, Some(last)) => format!("{sale}:{last}"),
            (total, Some(last)) => format!("{sale}:{total}:{last}"),
        }
    }
}

/// The charges of a movement.
pub(super) fn charges<'f>(facts: &'f Facts, movement: &str) -> Vec<(&'f str, &'f Charge)> {
    let of_movement = facts.iter().filter_map(|(id, object)| match object {
        Object::Charge(charge) if charge.movement.as_deref().unwrap_or(id) == movement => Some((id, charge)),
        _ => None,
    });
    of_movement.collect()
}

/// The refunds and disputes of a movement, or of one of its charges.
pub(super) fn reversals<'f>(facts: &'f Facts, movement: &str) -> Vec<(&'f str, &'f Reversal)> {
    let charges = charges(facts, movement);
    let is_of = |of: &str| of == movement || charges.iter().any(|(id, _)| *id == of);
    let of_movement = facts.iter().filter_map(|(id, object)| match object {
        Object::Reversal(reversal) if is_of(&reversal.of) => Some((id, reversal)),
        _ => None,
    });
    of_movement.collect()
}

/// Returns what was returned of a movement of at most `most` cents; `None` if its amount is not known.
///
/// Stripe reports a refund twice, as an object with a status, and in the charge's total, which includes refunds that are pending
/// or have failed. So a refund counts by its object. The part of the total that no object explains is held for a while, because
/// its object may follow, and counts then. The total of a bill contains only what was returned.
///
/// With `awaits_notes`, a refund is held as long for its credit note, unless everything is returned.
pub(super) fn returned(
    facts: &Facts,
    movement: &str,
    most: Option<u64>,
    currency: Currency,
    awaits_notes: bool,
    past: &dyn Past,
    now: u64,
) -> Returned {
    let (charges, reversals) = (charges(facts, movement), reversals(facts, movement));
    let same_currency = |other: Option<Currency>| other.is_none_or(|other| other == currency);
    let (counted, foreign): (Vec<(&str, &Reversal)>, Vec<_>) =
        reversals.into_iter().partition(|(_, reversal)| same_currency(reversal.currency));
    let foreign_total = charges.iter().any(|(_, charge)| charge.refunded.is_some() && !same_currency(charge.currency));
    let sum = |wanted: &dyn Fn(&Reversal) -> bool| {
        let counted = counted.iter().map(|(_, reversal)| *reversal).filter(|reversal| wanted(reversal));
        counted.map(|reversal| reversal.cents.or(most).unwrap_or(0)).fold(0, u64::saturating_add)
    };
    let is_returned = |reversal: &Reversal| reversal.status == ReversalStatus::Returned;
    let is_recent = |reversal: &Reversal| past.is_recent(reversal.created);

    let totals: Vec<&Charge> =
        charges.iter().map(|(_, charge)| *charge).filter(|charge| same_currency(charge.currency)).collect();
    let add =
        |amounts: &dyn Fn(&Charge) -> u64| totals.iter().map(|charge| amounts(charge)).fold(0, u64::saturating_add);
    // Before API 2025-03-31, money that was never captured is reported as refunded, in the total and as a refund.
    let released = match facts.get(movement) {
        // The charge knows it better, once something of it was refunded.
        Some(Object::Intent(intent)) if totals.iter().all(|charge| charge.refunded.is_none()) => intent.released_cents,
        _ => add(&|charge| charge.released_cents),
    };
    let total = add(&|charge| charge.refunded.map_or(0, |total| total.cents)).saturating_sub(released);
    let refunds = sum(&|reversal| !reversal.is_dispute && is_returned(reversal)).saturating_sub(released);
    let disputes = sum(&|reversal| reversal.is_dispute && is_returned(reversal));
    let may_get_note = awaits_notes && most.is_none_or(|most| refunds.saturating_add(disputes) < most);
    // The refunds that wait for a credit note, with the time until which each one waits.
    let waiting = counted.iter().filter_map(|(id, reversal)| {
        let until = reversal.known_since?.0.saturating_add(past.hold());
        let waits = may_get_note && is_returned(reversal) && Split::of(facts, id, reversal).is_none() && now < until;
        waits.then_some((reversal.cents.unwrap_or(0), until))
    });
    let waiting: Vec<(u64, u64)> = waiting.collect();
    let waiting_cents = waiting.iter().map(|(cents, _)| *cents).fold(0, u64::saturating_add);
    let refunds = refunds.saturating_sub(waiting_cents);
    let explained = sum(&|reversal| !reversal.is_dispute).saturating_sub(released);
    let known_since = totals.iter().filter_map(|charge| charge.refunded.map(|total| total.known_since.0)).max();
    let until = known_since.unwrap_or_default().saturating_add(past.hold());
    let mut unexplained = total.saturating_sub(explained);
    let due_at = (unexplained > 0 && now < until).then_some(until);
    if due_at.is_some() {
        unexplained = 0;
    }
    let due_at = waiting.iter().map(|(_, until)| *until).chain(due_at).min();
    let of_bill = match facts.get(movement) {
        Some(Object::Bill(bill)) => bill.refunded_cents,
        _ => 0,
    };
    let cents = refunds.saturating_add(unexplained).max(of_bill).saturating_add(disputes).min(most.unwrap_or(u64::MAX));

    // Of the total, only what was added to an earlier total is certainly recent.
    let before = totals.iter().filter_map(|charge| charge.refunded_before).map(|Reverse(before)| before);
    let added = before.reduce(u64::saturating_add);
    let added = added.map_or(0, |before| total.saturating_sub(before.saturating_sub(released)));
    let recent_refunds = sum(&|reversal| !reversal.is_dispute && is_returned(reversal) && is_recent(reversal));
    let recent = recent_refunds.saturating_sub(released).max(added.min(refunds.saturating_add(unexplained)));
    let recent = recent.max(past.recent_of_bill(of_bill));
    let recent_disputes = sum(&|reversal| reversal.is_dispute && is_returned(reversal) && is_recent(reversal));
    Returned {
        cents,
        is_everything: most.is_none()
            && counted.iter().any(|(_, reversal)| reversal.cents.is_none() && is_returned(reversal)),
        recent_cents: recent.saturating_add(recent_disputes).min(cents),
        pending_cents: sum(&|reversal| reversal.status == ReversalStatus::Pending && !reversal.is_dispute)
            .saturating_add(waiting_cents),
        split: counted
            .iter()
            .filter(|(_, reversal)| is_returned(reversal))
            .filter_map(|(id, reversal)| Split::of(facts, id, reversal))
            .fold(Split::default(), Split::add),
        total_cents: total.max(of_bill),
        last: counted
            .iter()
            .filter(|(_, reversal)| is_returned(reversal))
            .max_by_key(|(id, reversal)| (reversal.created, *id))
            .map(|(id, _)| (*id).to_owned()),
        other_currency: foreign_total || !foreign.is_empty(),
        due_at,
    }
}
