//! What each customer does: the same in every process, from the seed alone.

use affitor::{ClickId, Currency, Event, Lead, Refund, Sale};

/// An order, and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) number: u64,
    pub(crate) cents: u64,
    /// The order's transaction is rolled back.
    pub(crate) thinks_better: bool,
    pub(crate) refund: Refunded,
}

#[derive(Clone, Debug)]
pub(crate) enum Refunded {
    No,
    All,
    /// Parts, each with its amount.
    Parts(Vec<u64>),
}

impl Customer {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number));
        // A fifth of it is a whole number of cents, whichever way the service rounds.
        let cents = dice.u64(200..4_000) * 5;
        let refund = match dice.u8(0..10) {
            0..4 => Refunded::No,
            4..7 => Refunded::All,
            7..9 => Refunded::Parts(vec![cents / 4]),
            // Two of the same amount.
            _ => Refunded::Parts(vec![cents / 5, cents / 5]),
        };
        Self { number, cents, thinks_better: dice.u8(0..10) == 0, refund }
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

    /// It names the click as well, so that the service would take it before its lead.
    pub(crate) fn sale(&self, click_id: ClickId) -> Event {
        Sale::new(self.transaction_id(), self.cents, Currency::USD).customer_key(self.key()).click_id(click_id).into()
    }

    pub(crate) fn refunds(&self) -> Vec<Event> {
        match &self.refund {
            Refunded::No => Vec::new(),
            Refunded::All => vec![Refund::full(self.transaction_id()).into()],
            Refunded::Parts(parts) => parts
                .iter()
                .enumerate()
                .map(|(at, cents)| {
                    Refund::partial(self.transaction_id(), *cents)
                        .refund_id(format_args!("re_{}_{at}", self.number))
                        .into()
                })
                .collect(),
        }
    }
}

/// How many customers make about so many events.
pub(crate) fn customers(events: u64) -> u64 {
    // Nine in ten buy, with a lead and a sale, and seven in ten of them refund.
    (events * 10 / 9 * 10 / 27).max(1)
}
