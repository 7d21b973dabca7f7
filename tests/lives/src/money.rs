//! Random amounts, and what happens to a payment afterwards: refunds and disputes.

use crate::ExpectedSale;

/// Currencies that the affiliate service takes. VND has no smaller unit.
const CURRENCIES: [&str; 3] = ["USD", "EUR", "VND"];

/// Draws a currency.
pub(crate) fn currency(rng: &mut fastrand::Rng) -> &'static str {
    CURRENCIES[if rng.u8(..10) < 6 { 0 } else { rng.usize(1..3) }]
}

/// Draws an amount in the currency's smallest unit. Small amounts, where rounding shows, are frequent.
pub(crate) fn amount(rng: &mut fastrand::Rng, currency: &str) -> u64 {
    match (currency, rng.u8(..4)) {
        ("VND", _) => rng.u64(10..=5_000) * 1_000,
        (_, 0) => rng.u64(100..=200),
        (_, 1) => [900, 1_900, 4_900, 9_900, 19_900][rng.usize(..5)],
        _ => rng.u64(200..=200_000),
    }
}

/// Draws the tax contained in an amount. Often there is none.
pub(crate) fn tax(rng: &mut fastrand::Rng, amount: u64) -> u64 {
    if rng.bool() { 0 } else { amount * rng.u64(5..=25) / 125 }
}

/// How a refund ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Successful at once.
    AtOnce,
    /// Pending, then successful.
    Late,
    /// Pending, then failed, canceled or rejected.
    Never,
}

/// How a dispute ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The customer gets the money back.
    Lost,
    /// The shop keeps the money.
    Won,
    /// An inquiry that never became a dispute.
    Warning,
}

/// One thing that happens to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A refund of an amount.
    Refund(u64, End),
    /// A dispute of an amount.
    Dispute(u64, Verdict),
}

impl Step {
    /// Money that the customer got back.
    pub(crate) fn given_back(self) -> u64 {
        match self {
            Self::Refund(amount, End::AtOnce | End::Late) | Self::Dispute(amount, Verdict::Lost) => amount,
            Self::Refund(_, End::Never) | Self::Dispute(..) => 0,
        }
    }
}

/// Money given back by all steps.
pub(crate) fn given_back(steps: &[Step]) -> u64 {
    steps.iter().map(|step| step.given_back()).sum()
}

/// Draws what happens to a payment. Never gives back more than was paid. A dispute is always the last step.
pub(crate) fn aftermath(rng: &mut fastrand::Rng, paid: u64) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut left = paid;
    let (refunds, dispute) = match rng.u8(..10) {
        0..=2 => (0, false),
        3..=4 => (1, false),
        5..=7 => (rng.u8(2..=4), false),
        8 => (0, true),
        _ => (rng.u8(1..=2), true),
    };
    for _ in 0..refunds {
        if left == 0 {
            break;
        }
        let amount = if rng.u8(..4) == 0 { left } else { rng.u64(1..=left) };
        let end = [End::AtOnce, End::AtOnce, End::Late, End::Never][rng.usize(..4)];
        steps.push(Step::Refund(amount, end));
        if end != End::Never {
            left -= amount;
        }
    }
    if dispute && left > 0 {
        let amount = if rng.u8(..4) == 0 { rng.u64(1..=left) } else { left };
        let verdict = [Verdict::Lost, Verdict::Lost, Verdict::Won, Verdict::Warning][rng.usize(..4)];
        steps.push(Step::Dispute(amount, verdict));
    }
    steps
}

/// Adds up a sale's refunds. Does nothing if the payment is no sale.
pub(crate) fn give_back(sales: &mut [ExpectedSale], transaction_id: &str, amount: u64) {
    if let Some(sale) = sales.iter_mut().find(|sale| sale.transaction_id == transaction_id) {
        sale.refunded_cents = (sale.refunded_cents + amount).min(sale.amount_cents);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_gives_back_more_than_was_paid() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..10_000 {
            let paid = rng.u64(1..10_000);
            assert!(given_back(&aftermath(&mut rng, paid)) <= paid);
        }
    }
}
