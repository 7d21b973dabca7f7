//! What a provider says about money that was returned.

use std::{cmp::Reverse, collections::BTreeSet};

use affitor::Currency;
use serde::{Deserialize, Serialize};

use super::skip::{is_false, is_zero};

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
    /// Since when it is known here that the money is returned, in seconds of Unix time. Only of a refund that a credit note may
    /// follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_since: Option<Reverse<u64>>,
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

/// How much of the refunds of a bill is tax.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CreditNote {
    /// The bill.
    pub bill: String,
    /// The refunds that it explains.
    pub refunds: BTreeSet<String>,
    /// Share of the amount that is not tax, as a numerator and a denominator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_tax: Option<(u64, u64)>,
    /// Whether it was voided.
    #[serde(skip_serializing_if = "is_false")]
    pub is_void: bool,
}
