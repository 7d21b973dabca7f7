//! Totals of the program: numbers of events, and amounts by currency.

use std::collections::BTreeMap;

use crate::state::State;

/// An amount in each currency, in its smallest unit.
#[derive(Clone, Debug, Default)]
pub(in crate::page) struct Money(BTreeMap<String, u64>);

impl Money {
    pub(super) fn add(&mut self, currency: &str, amount: u64) {
        match self.0.get_mut(currency) {
            Some(sum) => *sum = sum.saturating_add(amount),
            None => drop(self.0.insert(currency.to_owned(), amount)),
        }
    }

    /// Takes what both have of a currency from both.
    pub(super) fn offset(left: &mut Self, right: &mut Self) {
        for (currency, amount) in &mut left.0 {
            let Some(other) = right.0.get_mut(currency) else { continue };
            let both = *amount.min(other);
            *amount -= both;
            *other -= both;
        }
        left.0.retain(|_, amount| *amount > 0);
        right.0.retain(|_, amount| *amount > 0);
    }

    pub(in crate::page) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(currency, amount)| (currency.as_str(), *amount))
    }

    pub(in crate::page) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[derive(Default)]
pub(in crate::page) struct Totals {
    pub clicks: u64,
    pub leads: usize,
    pub sales: usize,
    pub revenue: Money,
    pub commissions: usize,
    pub earned: Money,
    pub refunds: usize,
    pub deducted: Money,
}

impl Totals {
    pub(super) fn of(state: &State) -> Self {
        let mut totals = Self {
            clicks: state.clicks.len() as u64 + state.memory().dropped_clicks,
            leads: state.leads.len(),
            sales: state.sales.len(),
            refunds: state.refunds.len(),
            commissions: state.commissions.len(),
            ..Self::default()
        };
        for sale in &state.sales {
            totals.revenue.add(&sale.currency, sale.amount_cents);
            if let Some(commission) = sale.commission_id.and_then(|id| state.commission(id)) {
                totals.earned.add(&sale.currency, commission.amount_cents - commission.deducted_cents);
                if commission.deducted_cents > 0 {
                    totals.deducted.add(&sale.currency, commission.deducted_cents);
                }
            }
        }
        totals
    }
}
