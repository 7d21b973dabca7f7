//! What Affitor is to hear of a webhook.

use std::fmt;

use crate::{Currency, Event};

/// What Affitor is to hear of a [`WebhookEvent`](super::WebhookEvent).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an event does nothing until it is tracked"]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "made and taken apart once a webhook; a box would be in the way of patterns"
)]
pub enum Tracking {
    /// This.
    Event(Event),
    /// Nothing, which is right.
    Ignored(Ignored),
    /// Nothing, since the webhook can't be read as a payment for certain. Somebody should look at it.
    Refused(Refused),
}

impl Tracking {
    /// The event, where there is one.
    pub fn into_event(self) -> Option<Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Ignored(_) | Self::Refused(_) => None,
        }
    }
}

/// Why a webhook is none of Affitor's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ignored {
    /// An event of another type.
    OtherType,
    /// An invoice of another kind than a subscription's renewal: an upgrade, one written by hand.
    OtherInvoice,
    /// The money is not there yet. The provider says so with an event of its own when it is.
    NotPaidYet,
    /// Not paid, and no webhook says when it is.
    NotPaid,
    /// Nothing was paid: a trial, a full discount.
    NothingPaid,
    /// The same money is counted from another event.
    #[non_exhaustive]
    CountedElsewhere {
        /// The type of that event: the endpoint must be subscribed to it.
        by: &'static str,
    },
    /// It names neither a customer nor a click nor a sale that Affitor could know: a payment that was begun elsewhere.
    Unattributable,
    /// The payment's metadata names another program of Affitor than the client's: the payment account is shared.
    OtherProgram,
    /// The refund or dispute is not decided yet, or was decided against the customer.
    RefundNotFinal,
    /// Money came back that was refunded before. Affitor has no call for that: the partner's commission can be set right
    /// in the dashboard.
    CannotBeUndone,
    /// Affitor reads this provider's webhooks itself.
    ReadByAffitor,
    /// A refund in the provider's test mode: Affitor has no test refund.
    TestRefund,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherType => f.write_str("an event of another type"),
            Self::OtherInvoice => f.write_str("an invoice, but of no renewal"),
            Self::NotPaidYet => f.write_str("not paid yet"),
            Self::NotPaid => f.write_str("not paid"),
            Self::NothingPaid => f.write_str("nothing was paid"),
            Self::CountedElsewhere { by } => write!(f, "counted from {by}, which the endpoint must be subscribed to"),
            Self::Unattributable => f.write_str("names no customer, click or sale"),
            Self::OtherProgram => f.write_str("a payment of another program"),
            Self::RefundNotFinal => f.write_str("the refund or dispute took no money"),
            Self::CannotBeUndone => {
                f.write_str("money came back that was refunded before: set the commission right in Affitor's dashboard")
            }
            Self::ReadByAffitor => f.write_str("Affitor reads this provider's webhooks itself"),
            Self::TestRefund => f.write_str("a test refund, which Affitor does not have"),
        }
    }
}

/// Why a webhook that looks like a payment is not tracked: reading it would be a guess.
///
/// Delivering it again would not change that, so the provider gets a 200 and the log an error. It holds names of fields, and
/// nothing of their values but the currency's code.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// A field that the provider documents is not there.
    #[non_exhaustive]
    MissingField {
        /// Its path.
        field: &'static str,
    },
    /// A field has another type or value than the provider documents.
    #[non_exhaustive]
    WrongField {
        /// Its path.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Affitor does not take this currency: see [`Webhook::currency`](super::Webhook::currency).
    #[non_exhaustive]
    UnsupportedCurrency {
        /// The currency.
        currency: Currency,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingField { field } => {
                write!(f, "{field} is missing: check the endpoint's API version, and track this payment by hand")
            }
            Self::WrongField { field, expected } => {
                write!(f, "{field} is not {expected}: check the endpoint's API version, and track this payment by hand")
            }
            Self::UnsupportedCurrency { currency } => write!(
                f,
                "Affitor takes USD, EUR and VND, and this is {currency}: after allowing it with Webhook::currency \
                 convert it with map_sale and map_refund, or track the payment by hand"
            ),
        }
    }
}

impl std::error::Error for Refused {}
