//! What each customer does. It depends only on the seed, so every process knows it.

use affitor::{ClickId, Currency, Event, Lead, Refund, Sale};

/// A customer's order and refunds.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) number: u64,
    pub(crate) cents: u64,
    /// Whether the order's transaction is rolled back.
    pub(crate) cancels: bool,
    pub(crate) refund: RefundPlan,
}

#[derive(Clone, Debug)]
pub(crate) enum RefundPlan {
    No,
    All,
    /// Partial refunds, with their amounts in cents.
    Parts(Vec<u64>),
}

impl Customer {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number));
        // Divisible by five, so that a commission of 20 % needs no rounding.
        let cents = rng.u64(200..4_000) * 5;
        let refund = match rng.u8(0..10) {
            0..4 => RefundPlan::No,
            4..7 => RefundPlan::All,
            7..9 => RefundPlan::Parts(vec![cents / 4]),
            // Two refunds of the same amount.
            _ => RefundPlan::Parts(vec![cents / 5, cents / 5]),
        };
        Self { number, cents, cancels: rng.u8(0..10) == 0, refund }
    }

    pub(crate) fn key(&self) -> String {
        format!("user_{}", self.number)
    }

    pub(crate) fn transaction_id(&self) -> String {
        format!("pay_{}", self.number)
    }

    pub(crate) fn lead(&self, click_id: ClickId) -> Event {
        Lead::new(self.key()).click_id(click_id).into()
    }

    /// The sale contains the click id too, so that the service would accept it before its lead.
    pub(crate) fn sale(&self, click_id: ClickId) -> Event {
        Sale::new(self.transaction_id(), self.cents, Currency::USD).customer_key(self.key()).click_id(click_id).into()
    }

    pub(crate) fn refunds(&self) -> Vec<Event> {
        match &self.refund {
            RefundPlan::No => Vec::new(),
            RefundPlan::All => vec![Refund::full(self.transaction_id()).into()],
            RefundPlan::Parts(parts) => parts
                .iter()
                .enumerate()
                .map(|(index, cents)| {
                    Refund::partial(self.transaction_id(), *cents)
                        .refund_id(format_args!("re_{}_{index}", self.number))
                        .into()
                })
                .collect(),
        }
    }
}

/// Returns the number of customers who cause about this many events.
pub(crate) fn customers(events: u64) -> u64 {
    // Nine in ten commit an order with a lead and a sale. On average there are 0.7 refunds per order.
    (events * 10 / 9 * 10 / 27).max(1)
}
