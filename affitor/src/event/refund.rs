//! Money returned to a customer.

use std::fmt;

use affitor_core::redact::Redacted;
use serde::{Deserialize, Serialize};

use super::{
    EventIds, EventKind, InvalidEvent, NotAttributed, RetryClass, WaitsFor, is_absent, is_blank, non_blank, present,
};

/// A refund, which reverses the commission of a sale (`POST /api/v1/track/refund`).
///
/// The transaction id is that of the *sale*, as it was tracked. The service has no test refund.
///
/// ```
/// use affitor::Refund;
///
/// let full = Refund::full("in_1").refund_reason("customer request");
/// let partial = Refund::partial("in_1", 1_500).refund_id("re_1");
/// assert!(full.is_full() && !partial.is_full());
/// assert!(Refund::partial("in_1", 0).validate().is_err()); // the service would treat it as a full refund
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "an event does nothing until it is tracked"]
#[non_exhaustive]
pub struct Refund {
    /// Transaction id of the sale.
    #[doc(alias = "invoiceId")]
    pub transaction_id: String,
    /// Amount of this refund in the currency's smallest unit, or `None` for a full refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_amount_cents: Option<u64>,
    /// Your reason for the refund.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub refund_reason: Option<String>,
    /// Id of the refund at the payment provider. A queue uses it to tell partial refunds apart. It is not sent: the API has
    /// no field for it.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub refund_id: Option<String>,
}

impl Refund {
    /// Creates a refund of the whole sale.
    pub fn full(transaction_id: impl fmt::Display) -> Self {
        Self {
            transaction_id: transaction_id.to_string(),
            refund_amount_cents: None,
            refund_reason: None,
            refund_id: None,
        }
    }

    /// Creates a refund of a part of the sale. The amount is that of this refund, not the total refunded so far.
    #[doc(alias = "refundAmountCents")]
    pub fn partial(transaction_id: impl fmt::Display, refund_amount_cents: u64) -> Self {
        Self { refund_amount_cents: Some(refund_amount_cents), ..Self::full(transaction_id) }
    }

    /// Sets the refund's own id at the payment provider. A blank id is treated as missing.
    pub fn refund_id(mut self, refund_id: impl fmt::Display) -> Self {
        self.refund_id = non_blank(refund_id.to_string());
        self
    }

    /// Sets the reason. A blank one is treated as missing.
    #[doc(alias = "refundReason")]
    pub fn refund_reason(mut self, reason: impl Into<String>) -> Self {
        self.refund_reason = non_blank(reason);
        self
    }

    /// Returns whether the whole sale is refunded.
    pub fn is_full(&self) -> bool {
        self.refund_amount_cents.is_none()
    }

    /// Checks that the refund has what the service requires.
    ///
    /// # Errors
    ///
    /// Returns an error if the transaction id is blank; if the amount of a partial refund is 0, which the service would treat as
    /// a full refund.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        if is_blank(&self.transaction_id) {
            return Err(InvalidEvent("a refund needs the transaction_id of its sale"));
        }
        if self.refund_amount_cents == Some(0) {
            return Err(InvalidEvent(
                "a partial refund needs a refund_amount_cents of at least 1: 0 would mean a full refund",
            ));
        }
        Ok(())
    }
}

impl EventKind for Refund {
    fn validate(&self) -> Result<(), InvalidEvent> {
        self.validate()
    }

    fn retry_class(&self) -> RetryClass {
        if self.is_full() { RetryClass::Idempotent } else { RetryClass::NotIdempotent }
    }

    fn ids(&self) -> EventIds<'_> {
        EventIds {
            transaction_id: present(Some(&self.transaction_id)),
            refund_id: present(self.refund_id.as_ref()),
            ..EventIds::default()
        }
    }

    fn waits_for(&self) -> WaitsFor<'_> {
        WaitsFor::Payment { transaction_id: &self.transaction_id }
    }

    fn identity(&self) -> Result<Option<Vec<&str>>, InvalidEvent> {
        let mut parts = vec![self.transaction_id.as_str()];
        if !self.is_full() {
            parts.push(present(self.refund_id.as_ref()).ok_or(InvalidEvent(
                "a partial refund needs a refund_id here, which tells it from another refund of the same amount",
            ))?);
        }
        Ok(Some(parts))
    }
}

impl fmt::Debug for Refund {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refund")
            .field("transaction_id", &Redacted(&self.transaction_id))
            .field("refund_amount_cents", &self.refund_amount_cents)
            .field("refund_reason", &self.refund_reason.as_deref().map(Redacted))
            .field("refund_id", &self.refund_id.as_deref().map(Redacted))
            .finish()
    }
}

/// The outcome of a refund.
///
/// ```
/// # async fn refund(client: affitor::Client) -> Result<(), affitor::Error> {
/// use affitor::{Refund, RefundOutcome};
///
/// match client.track_refund(Refund::full("in_1")).await? {
///     RefundOutcome::Reversed { deduction_cents, .. } => println!("the partner loses {deduction_cents:?} cents"),
///     RefundOutcome::NotAttributed(reason) => println!("no partner: {reason}"), // the normal case
///     outcome => println!("{outcome}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefundOutcome {
    /// The whole commission was reversed.
    #[non_exhaustive]
    Reversed {
        /// Amount deducted from the partner, in cents. (The API reports it in dollars.)
        deduction_cents: Option<i64>,
        /// The service's id of the commission.
        commission_id: Option<i64>,
    },
    /// A part of the commission was reversed.
    #[non_exhaustive]
    Refunded {
        /// Amount deducted from the partner, in cents. (The API reports it in dollars.)
        deduction_cents: Option<i64>,
        /// The service's id of the commission.
        commission_id: Option<i64>,
    },
    /// The commission had already been reversed, so nothing was done.
    #[non_exhaustive]
    AlreadyReversed {
        /// Whether this was a partial refund. If another refund has reduced the commission, this one may not count: check
        /// the dashboard.
        partial: bool,
    },
    /// The sale created no commission that could be reversed.
    NoCommission,
    /// The service does not know the sale, because it was never attributed. The normal case for most customers.
    NotAttributed(NotAttributed),
    /// The client is in test mode, and the service has no test refund, so nothing was sent.
    Test,
    /// The client is [disabled](crate::Client::disabled), so nothing was sent.
    Disabled,
}

impl fmt::Display for RefundOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reversed { .. } => f.write_str("commission reversed"),
            Self::Refunded { .. } => f.write_str("commission partially reversed"),
            Self::AlreadyReversed { partial: false } => f.write_str("commission already reversed"),
            Self::AlreadyReversed { partial: true } => {
                f.write_str("commission already reversed, possibly by another refund: check the dashboard")
            }
            Self::NoCommission => f.write_str("the sale has no commission"),
            Self::NotAttributed(reason) => write!(f, "not attributed: {reason}"),
            Self::Test => f.write_str("not sent, because there are no test refunds"),
            Self::Disabled => f.write_str("not sent, because the client is disabled"),
        }
    }
}
