//! Breaks one rule of the ledger, to show that the tests notice it.

use affitor_payments::ledger::{Facts, Object, Reports};

use affitor_tests::ledger_model::memory::Shop;

/// A rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// What was reported is forgotten.
    NoDeduplication,
    /// A refund names the charge instead of the payment.
    WrongId,
    /// The refunds that were reported are forgotten.
    ForgottenTotal,
    /// A payment and the bills that it pays are taken for one thing with several ids.
    MergedIds,
}

impl Sabotage {
    pub(crate) const ALL: [Self; 4] = [Self::NoDeduplication, Self::WrongId, Self::ForgottenTotal, Self::MergedIds];

    /// Breaks the rule before facts are added.
    pub(crate) fn apply(self, shop: &mut Shop, facts: &mut Facts) {
        match self {
            Self::NoDeduplication => shop.reports = Reports::new(),
            Self::ForgottenTotal => {
                shop.reports = shop.reports_without(|reported| {
                    (reported.refunded_cents, reported.fully_refunded) = (0, false);
                });
            }
            Self::WrongId => {
                *facts = facts.iter().fold(Facts::default(), |mut changed, (id, object)| {
                    let mut object = object.clone();
                    if let Object::Reversal(reversal) = &mut object {
                        reversal.of = reversal.of.replace("pi_", "ch_").replace("txn_", "che_");
                    }
                    if let Object::Charge(charge) = &mut object {
                        charge.movement = None;
                    }
                    changed.add(id, object);
                    changed
                });
            }
            // Bills go by the id of the payment.
            Self::MergedIds => {
                let mut known = shop.facts.clone();
                known.merge(facts.clone());
                let movement_of = |bill: &str| {
                    known.iter().find_map(|(_, object)| match object {
                        Object::Allocation(allocation) if allocation.bill == bill => Some(allocation.movement.clone()),
                        _ => None,
                    })
                };
                *facts = facts.iter().fold(Facts::default(), |mut changed, (id, object)| {
                    match object {
                        Object::Bill(_) => changed.add(movement_of(id).unwrap_or(id.to_owned()), object.clone()),
                        _ => changed.add(id, object.clone()),
                    }
                    changed
                });
            }
        }
    }
}
