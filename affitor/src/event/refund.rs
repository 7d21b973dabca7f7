use std::fmt;

use serde::{Deserialize, Serialize};

use super::InvalidEvent;
use crate::redact::Redacted;

/// Money given back: reverses the commission of a sale (`POST /api/v1/track/refund`).
///
/// The transaction id is the *sale's*, as it was tracked. The service has no test refund.
///
/// ```
/// use affitor::Refund;
///
/// let all = Refund::full("in_1").refund_reason("customer request");
/// let some = Refund::partial("in_1", 1_500).refund_id("re_1");
/// assert!(all.is_full() && !some.is_full());
/// assert!(Refund::partial("in_1", 0).validate().is_err()); // the service would take it for a full one
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "an event does nothing until it is tracked"]
#[non_exhaustive]
pub struct Refund {
    /// The transaction id of the sale.
    #[doc(alias = "invoiceId")]
    pub transaction_id: String,
    /// The amount of this refund in the currency's smallest unit; absent for all of the sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_amount_cents: Option<u64>,
    /// Why, in the shop's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_reason: Option<String>,
    /// The refund's own id at the payment provider. It tells two partial refunds of one sale apart in a queue; the API
    /// has no field for it, and it is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<String>,
}

impl Refund {
    /// All of a sale is given back.
    pub fn full(transaction_id: impl fmt::Display) -> Self {
        Self {
            transaction_id: transaction_id.to_string(),
            refund_amount_cents: None,
            refund_reason: None,
            refund_id: None,
        }
    }

    /// A part of a sale is given back: this refund's amount, not the running total.
    #[doc(alias = "refundAmountCents")]
    pub fn partial(transaction_id: impl fmt::Display, refund_amount_cents: u64) -> Self {
        Self { refund_amount_cents: Some(refund_amount_cents), ..Self::full(transaction_id) }
    }

    /// Sets the refund's own id at the payment provider.
    pub fn refund_id(mut self, refund_id: impl fmt::Display) -> Self {
        self.refund_id = super::id(refund_id);
        self
    }

    /// Sets the reason.
    #[doc(alias = "refundReason")]
    pub fn refund_reason(mut self, reason: impl Into<String>) -> Self {
        self.refund_reason = Some(reason.into());
        self
    }

    /// Whether all of the sale is given back.
    pub fn is_full(&self) -> bool {
        self.refund_amount_cents.is_none()
    }

    /// Whether the refund says enough to be sent.
    ///
    /// # Errors
    ///
    /// When the transaction id is blank, or a partial refund's amount is 0, which would mean a full one.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        if super::is_blank(&self.transaction_id) {
            return Err(InvalidEvent("a refund needs the transaction_id of its sale"));
        }
        if self.refund_amount_cents == Some(0) {
            return Err(InvalidEvent(
                "a partial refund needs a refund_amount_cents of at least 1: 0 would mean a full one",
            ));
        }
        Ok(())
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
