//! What a provider says about payments, in terms that all providers share.
//!
//! Two reports of one object are joined field by field, and each field has an order in which the later value wins: an amount grows, a
//! time of payment becomes earlier, a refund becomes final. So the result does not depend on the order of the reports, nor on how
//! often each one arrives.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use affitor::Currency;

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
    /// What the shop keeps of it, in the currency's smallest unit, if the money goes to a connected account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_cents: Option<u64>,
    /// What was authorized, never captured, and is reported as a refund. Only before API 2025-03-31.
    #[serde(skip_serializing_if = "is_zero")]
    pub released_cents: u64,
}

/// The running total of what was refunded of a movement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Charge {
    /// The movement. A charge without a payment intent is its own movement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movement: Option<String>,
    /// Amount captured, in the currency's smallest unit.
    #[serde(skip_serializing_if = "is_zero")]
    pub captured_cents: u64,
    /// Running total of what was refunded. Before API 2025-03-31 it includes money that was never captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Total>,
    /// The part of the running total that was never captured.
    #[serde(skip_serializing_if = "is_zero")]
    pub released_cents: u64,
    /// The running total before the first refund that is known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded_before: Option<Reverse<u64>>,
    /// Currency of the amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// When the charge was made, in seconds of Unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
}

/// A running total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Total {
    /// The highest total so far, in the currency's smallest unit.
    pub cents: u64,
    /// Since when it is known here, in seconds of Unix time.
    pub known_since: Reverse<u64>,
}

impl Total {
    /// Creates a total that is known since a time in seconds of Unix time. `None` if it is 0.
    pub fn new(cents: u64, known_since: u64) -> Option<Self> {
        (cents > 0).then_some(Self { cents, known_since: Reverse(known_since) })
    }
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

/// Money that was returned to the customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Reversal {
    /// The movement, charge or bill that it takes money back from.
    pub of: String,
    /// The amount in the currency's smallest unit. `None` means everything that is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cents: Option<u64>,
    /// The part of the amount that is not tax. `None` if the provider does not say; it is in proportion to the payment then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_cents: Option<u64>,
    /// Currency of the amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Whether the money is returned.
    pub status: ReversalStatus,
    /// Whether it is a dispute (a chargeback), not a refund.
    #[serde(skip_serializing_if = "is_false")]
    pub is_dispute: bool,
    /// When it was made, in seconds of Unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
}

/// Whether the money of a refund or dispute is returned. A later status is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReversalStatus {
    /// Not decided.
    #[default]
    Pending,
    /// The refund succeeded, or the dispute is lost.
    Returned,
    /// The refund failed or was canceled, or the dispute is won. This can follow [`Returned`](ReversalStatus::Returned).
    NotReturned,
}

/// A subscription or customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Source {
    /// The attribution that its payments inherit.
    #[serde(skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
    /// Whether it is a customer, whom strangers can name too: they buy with the same address. It names nobody if two reports
    /// differ. Of a subscription, the latest report counts.
    #[serde(skip_serializing_if = "is_false")]
    pub is_customer: bool,
    /// Whether two reports of a customer name different users.
    #[serde(skip_serializing_if = "is_false")]
    pub disagrees: bool,
}

impl Source {
    /// A customer, as a paid bill names them. Only your own user id counts: a click belongs to one purchase.
    pub(crate) fn customer(named_by: &Attribution) -> Self {
        let attribution = Attribution { customer_key: named_by.customer_key.clone(), ..Attribution::default() };
        Self { attribution, is_customer: true, disagrees: false }
    }
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

/// Who a payment belongs to, as far as an object says it.
///
/// Texts are kept as the provider reports them. They may identify a person.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Attribution {
    /// Your own user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
    /// The visitor's click id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub click_id: Option<String>,
    /// The Affitor program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program_id: Option<String>,
    /// When the object said so, in seconds of Unix time. The latest one that names somebody counts.
    #[serde(skip_serializing_if = "is_zero")]
    pub said_at: u64,
    /// Whether the customer was forgotten. Later reports don't add it again.
    #[serde(skip_serializing_if = "is_false")]
    pub is_forgotten: bool,
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
    /// Product id.
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

impl Attribution {
    /// Returns whether it says nothing.
    pub fn is_empty(&self) -> bool {
        !self.is_forgotten && self.program_id.is_none() && !self.names_somebody()
    }

    /// Returns whether it names a customer or a click.
    pub fn names_somebody(&self) -> bool {
        self.customer_key.is_some() || self.click_id.is_some()
    }

    /// Fills in what is missing from another one, unless its customer was forgotten.
    pub fn or(self, other: &Self) -> Self {
        if self.is_forgotten {
            return self;
        }
        Self {
            said_at: self.said_at.max(other.said_at),
            is_forgotten: other.is_forgotten && !self.names_somebody(),
            customer_key: self.customer_key.or_else(|| other.customer_key.clone()),
            click_id: self.click_id.or_else(|| other.click_id.clone()),
            program_id: self.program_id.or_else(|| other.program_id.clone()),
        }
    }
}

impl std::fmt::Debug for Attribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attribution")
            .field("customer_key", &self.customer_key.as_deref().map(affitor_core::redact::Redacted))
            .field("click_id", &self.click_id.is_some())
            .field("program_id", &self.program_id)
            .finish_non_exhaustive()
    }
}

impl Details {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
