//! What to report to Affitor about a webhook.

use std::fmt;

use crate::{currency::Currency, event::Event};

/// What to report to Affitor about a [`WebhookEvent`](super::WebhookEvent).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an event does nothing until it is tracked"]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "created and matched once per webhook; a box would prevent nested patterns"
)]
pub enum Tracking {
    /// Report this event.
    Event(Event),
    /// Nothing to report; expected.
    Ignored(Ignored),
    /// Nothing to report, because the webhook can't be read as a payment with certainty. Somebody should look at it.
    Refused(Refused),
}

impl Tracking {
    /// Returns the event, if there is one.
    pub fn into_event(self) -> Option<Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Ignored(_) | Self::Refused(_) => None,
        }
    }
}

/// The reason why a webhook does not concern Affitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ignored {
    /// The event has another type.
    OtherType,
    /// The invoice is not a renewal of a subscription: an upgrade, or a manual invoice.
    OtherInvoice,
    /// The payment is not complete. The provider sends another event when it is.
    NotPaidYet,
    /// The payment is not complete, and the provider sends no event when it is.
    NotPaid,
    /// Nothing was paid: a trial, or a full discount.
    NothingPaid,
    /// The same payment is counted from another event.
    #[non_exhaustive]
    CountedElsewhere {
        /// Type of that event. The endpoint must be subscribed to it.
        by: &'static str,
    },
    /// The event names no customer, click or sale that Affitor could know: the payment was started elsewhere.
    Unattributable,
    /// The metadata names another Affitor program than the client's: two programs share the payment account.
    OtherProgram,
    /// The refund or dispute is pending, or was decided against the customer.
    RefundNotFinal,
    /// A refund was undone. Affitor has no call for that: correct the partner's commission in the dashboard.
    CannotBeUndone,
    /// The event is about a connected account, and the app has not named it. See
    /// [`Webhook::connected_account`](super::Webhook::connected_account).
    ConnectedAccount,
    /// A thin event of Stripe, which contains no payment. Choose snapshot payloads for the endpoint.
    ThinEvent,
    /// Affitor reads this provider's webhooks itself.
    ReadByAffitor,
    /// The refund is a test, and Affitor has no test refund.
    TestRefund,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherType => f.write_str("the event has another type"),
            Self::OtherInvoice => f.write_str("the invoice is not a renewal"),
            Self::NotPaidYet => f.write_str("not paid yet"),
            Self::NotPaid => f.write_str("not paid"),
            Self::NothingPaid => f.write_str("nothing was paid"),
            Self::CountedElsewhere { by } => {
                write!(f, "it is counted from {by}, which the endpoint must be subscribed to")
            }
            Self::Unattributable => f.write_str("it names no customer, click or sale"),
            Self::OtherProgram => f.write_str("the payment belongs to another program"),
            Self::RefundNotFinal => f.write_str("the refund or dispute moved no money"),
            Self::CannotBeUndone => f.write_str("a refund was undone: correct the commission in Affitor's dashboard"),
            Self::ConnectedAccount => f.write_str(
                "it is about a connected account: if the account's payments are yours, name it with \
                 Webhook::connected_account",
            ),
            Self::ThinEvent => {
                f.write_str("a thin event contains no payment: choose snapshot payloads for the endpoint")
            }
            Self::ReadByAffitor => f.write_str("Affitor reads this provider's webhooks itself"),
            Self::TestRefund => f.write_str("Affitor has no test refund"),
        }
    }
}

/// The reason why a webhook that looks like a payment is not tracked: interpreting it would be a guess.
///
/// Redelivery would not change that, so the provider gets status 200 and the log an error. It contains names of fields, and of
/// their values only the currency code.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// A documented field is missing.
    #[non_exhaustive]
    MissingField {
        /// Path of the field.
        field: &'static str,
    },
    /// A field does not have the documented type or value.
    #[non_exhaustive]
    WrongField {
        /// Path of the field.
        field: &'static str,
        /// Expected type or value.
        expected: &'static str,
    },
    /// Affitor does not accept this currency. See [`Webhook::allow_currency`](super::Webhook::allow_currency).
    #[non_exhaustive]
    UnsupportedCurrency {
        /// Currency of the payment.
        currency: Currency,
    },
}

impl Refused {
    /// Creates the reason for a field that does not have the expected type or value.
    pub fn wrong_field(field: &'static str, expected: &'static str) -> Self {
        Self::WrongField { field, expected }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingField { field } => {
                write!(f, "{field} is missing: check the endpoint's API version, and track this payment manually")
            }
            Self::WrongField { field, expected } => {
                write!(
                    f,
                    "{field} is not {expected}: check the endpoint's API version, and track this payment manually"
                )
            }
            Self::UnsupportedCurrency { currency } => write!(
                f,
                "Affitor accepts USD, EUR and VND, and this is {currency}: allow it with Webhook::allow_currency and convert \
                 it with map_sale and map_refund, or track the payment manually"
            ),
        }
    }
}

impl std::error::Error for Refused {}
