//! Payments for which there are two sales: one that the app tracked, and one from a webhook of Stripe.

use super::State;
use crate::{
    clock::DAY_MS,
    memory::entry,
    record::{DoublePayment, SaleRecord, SaleSource},
};

/// How many of a customer's newest sales are compared with a new one by amount.
const COMPARED_SALES: usize = 100;

/// A sale and the other one of the same payment, by their numbers. Each pair is listed under both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    other: u64,
    /// Whether an id that both have in common proves it. Otherwise the amount suggests it.
    by_id: bool,
}

impl State {
    /// Finds the other sale of a new sale's payment. An equal id counts for any customer, and replaces a guess by amount.
    pub(super) fn find_double_payment(&mut self, sale: &SaleRecord) {
        if let Some(other) = self.sale_with_same_id(sale) {
            self.pair(sale.sale_id, other, true);
        } else if let Some(other) = self.sale_with_same_amount(sale) {
            self.pair(sale.sale_id, other, false);
        }
    }

    fn sale_with_same_id(&self, sale: &SaleRecord) -> Option<u64> {
        let program = self.program_index(sale.program_id)?;
        let found = match sale.source {
            SaleSource::Api => self.sale_of_stripe_id(program, &sale.transaction_id),
            SaleSource::Stripe => {
                let tracked = |id: &String| self.sale_of(id).filter(|other| other.source == SaleSource::Api);
                sale.stripe_ids.iter().find_map(tracked).filter(|other| other.program_id == sale.program_id)
            }
        };
        found.map(|other| other.sale_id)
    }

    /// Finds a sale of the same customer, amount and currency within a day that has no pair yet.
    fn sale_with_same_amount(&self, sale: &SaleRecord) -> Option<u64> {
        let customer = self.customer(sale.customer_id)?;
        let sales = customer.sales.iter().rev().take(COMPARED_SALES).filter_map(|index| self.sales.get(*index));
        let matches = |other: &&SaleRecord| {
            other.source != sale.source
                && (sale.amount_cents, &sale.currency) == (other.amount_cents, &other.currency)
                && (sale.at_ms - other.at_ms).abs() < DAY_MS
                && !self.pairs.contains_key(&other.sale_id)
        };
        sales.into_iter().find(matches).map(|other| other.sale_id)
    }

    fn pair(&mut self, sale: u64, other: u64, by_id: bool) {
        if self.pairs.get(&other).is_some_and(|pair| pair.by_id) {
            return;
        }
        if let Some(guess) = self.pairs.remove(&other) {
            self.pairs.remove(&guess.other);
        } else {
            self.used.rest += 2 * entry("");
        }
        self.pairs.insert(sale, Pair { other, by_id });
        self.pairs.insert(other, Pair { other: sale, by_id });
    }

    /// Returns the payments with two sales, oldest first.
    pub(crate) fn double_payments(&self) -> Vec<DoublePayment> {
        let sale_of = |number: u64| {
            let place = self.sales.binary_search_by_key(&number, |sale| sale.sale_id).ok()?;
            self.sales.get(place)
        };
        let tracked = self.pairs.iter().filter_map(|(number, pair)| Some((sale_of(*number)?, sale_of(pair.other)?)));
        let tracked = tracked.filter(|(sale, _)| sale.source == SaleSource::Api);
        let double = |(sale, stripe): (&SaleRecord, &SaleRecord)| DoublePayment {
            customer_id: sale.customer_id,
            amount_cents: sale.amount_cents,
            currency: sale.currency.clone(),
            tracked_transaction_id: sale.transaction_id.clone(),
            stripe_transaction_id: stripe.transaction_id.clone(),
        };
        tracked.map(double).collect()
    }
}
