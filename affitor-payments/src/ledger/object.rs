//! What a provider says about payments, in terms that all providers share.
//!
//! Two reports of one object are joined field by field, and each field has an order in which the later value wins: an amount grows, a
//! time of payment becomes earlier, a refund becomes final. So the result does not depend on the order of the reports, nor on how
//! often each one arrives.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use affitor::Currency;

use super::{
    attribution::{Attribution, Source},
    lines::Lines,
    reversal::{Charge, CreditNote, Reversal},
    skip::{is_false, is_zero},
};

/// An object of a payment provider, as far as it matters for partners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Object {
    /// What was sold: Stripe's invoice, Polar's order, Paddle's transaction, Lemon Squeezy's order or subscription invoice.
    Bill(Bill),
    /// Stripe's Checkout session.
    Checkout(Checkout),
    /// A movement of money: Stripe's payment intent.
    Intent(Intent),
    /// Stripe's charge: the running total of what was refunded of a movement.
    Charge(Charge),
    /// Which part of a movement paid a bill: Stripe's invoice payment.
    Allocation(Allocation),
    /// Money that was returned: a refund, a dispute, or Paddle's adjustment.
    Reversal(Reversal),
    /// Stripe's credit note: how much of a refund is tax.
    CreditNote(CreditNote),
    /// A subscription or customer from which payments inherit their attribution.
    Source(Source),
}

/// Something that was sold, and that movements of money pay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Bill {
    /// What was paid, once it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid: Option<Paid>,
    /// The bill's own attribution.
    #[serde(skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
    /// The subscription from which it inherits what its own attribution lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The provider's customer, who names your own user if nothing else does, and if all of their paid bills agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// What counts if nothing else says who it belongs to.
    #[serde(skip_serializing_if = "Attribution::is_empty")]
    pub fallback: Attribution,
    /// Details of the sale.
    #[serde(skip_serializing_if = "Details::is_empty")]
    pub details: Details,
    /// What was sold, once it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines>,
    /// Running total of what was refunded, in the currency's smallest unit.
    #[serde(skip_serializing_if = "is_zero")]
    pub refunded_cents: u64,
    /// Whether its amounts contradict each other, so that it is unknown what was paid.
    #[serde(skip_serializing_if = "is_false")]
    pub contradicts: bool,
    /// Whether it may be the invoice that Stripe makes for a Checkout payment, which is counted with the payment.
    #[serde(skip_serializing_if = "is_false")]
    pub may_repeat_checkout: bool,
}

/// A Checkout session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Checkout {
    /// What was paid, if the session sold a one-time payment and is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid: Option<Paid>,
    /// The session's attribution.
    #[serde(skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
    /// Share of the amount that is not tax, as a numerator and a denominator, also while it is not paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_tax: Option<(u64, u64)>,
    /// The movement that paid it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movement: Option<String>,
    /// The bill that was made for it: of a one-time payment afterwards, of a subscription its first invoice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill: Option<String>,
    /// Whether it sold a one-time payment. A subscription is counted by its invoices.
    #[serde(skip_serializing_if = "is_false")]
    pub one_time: bool,
    /// The product that its metadata names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// What was sold. Only in responses of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines>,
}

/// A movement of money.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Intent {
    /// What was received, once it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid: Option<Paid>,
    /// The movement's own attribution.
    #[serde(skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
    /// The product that its metadata names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// What the shop keeps of it, in the currency's smallest unit, if the money goes to a connected account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_cents: Option<u64>,
    /// What was authorized, never captured, and is reported as a refund. Only before API 2025-03-31.
    #[serde(skip_serializing_if = "is_zero")]
    pub released_cents: u64,
}

/// The part of a movement that paid a bill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Allocation {
    /// The bill.
    pub bill: String,
    /// The movement.
    pub movement: String,
    /// The amount, in the currency's smallest unit. `None` means the whole movement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cents: Option<u64>,
}

/// An amount that was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Paid {
    /// The amount in the currency's smallest unit, including tax.
    pub cents: u64,
    /// Currency.
    pub currency: Currency,
    /// Share of the amount that is not tax, as a numerator and a denominator. `None` if the provider does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_tax: Option<(u64, u64)>,
    /// When it was paid, in seconds of Unix time. The earliest report counts.
    pub at: Reverse<u64>,
    /// Since when the payment is known here, in seconds of Unix time.
    pub known_since: Reverse<u64>,
}

/// Details of a sale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Details {
    /// Whether it is a later payment of a subscription.
    #[serde(skip_serializing_if = "is_false")]
    pub recurring: bool,
    /// Subscription id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// Billing interval, as in the API: `monthly`, `quarterly` or `annual`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// The product that the provider or the metadata names for the whole payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
}

impl Paid {
    /// Creates an amount that was paid at a time in seconds of Unix time.
    pub fn new(cents: u64, currency: Currency, at: u64) -> Self {
        Self { cents, currency, without_tax: None, at: Reverse(at), known_since: Reverse(at) }
    }

    /// Returns the amount without tax, rounded to the nearest unit. The whole amount if the provider does not say.
    pub fn cents_without_tax(&self) -> u64 {
        self.without_tax.map_or(self.cents, |share| scale(self.cents, share))
    }
}

/// Returns `cents × numerator / denominator`, rounded to the nearest unit and never more than `cents`.
pub(super) fn scale(cents: u64, (numerator, denominator): (u64, u64)) -> u64 {
    let (numerator, denominator) = (u128::from(numerator), u128::from(denominator.max(1)));
    let scaled = (u128::from(cents) * numerator + denominator / 2) / denominator;
    u64::try_from(scaled).unwrap_or(u64::MAX).min(cents)
}

impl Details {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
