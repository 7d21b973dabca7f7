//! Why a webhook says nothing about payments.

use std::fmt;

/// The reason why a webhook does not concern Affitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ignored {
    /// The event has another type.
    OtherType,
    /// The payment is not complete. The provider sends another event when it is.
    NotPaidYet,
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
    /// A refund was undone. Affitor has no call for that: correct the partner's commission in the dashboard.
    CannotBeUndone,
    /// The event is about a connected account, and the app has not named it. See
    /// [`Webhook::connected_account`](crate::Webhook::connected_account).
    ConnectedAccount,
    /// A thin event of Stripe, which contains no payment. Choose snapshot payloads for the endpoint.
    ThinEvent,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherType => f.write_str("the event has another type"),
            Self::NotPaidYet => f.write_str("not paid yet"),
            Self::NothingPaid => f.write_str("nothing was paid"),
            Self::CountedElsewhere { by } => {
                write!(f, "it is counted from {by}, which the endpoint must be subscribed to")
            }
            Self::Unattributable => f.write_str("it names no customer, click or sale"),
            Self::CannotBeUndone => f.write_str("a refund was undone: correct the commission in Affitor's dashboard"),
            Self::ConnectedAccount => f.write_str(
                "it is about a connected account: if the account's payments are yours, name it with \
                 Webhook::connected_account",
            ),
            Self::ThinEvent => {
                f.write_str("a thin event contains no payment: choose snapshot payloads for the endpoint")
            }
        }
    }
}

/// The reason why a webhook that looks like a payment is not tracked: interpreting it would be a guess.
///
/// Redelivery would not change that, so the provider gets status 200 and the log an error. It contains names of fields, and never
/// their values.
#[derive(Clone, PartialEq, Eq, Hash)]
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
        }
    }
}

affitor_core::debug_as_sentence!(Refused);

impl std::error::Error for Refused {}

/// The reason why a webhook says nothing about payments.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoFacts {
    /// It does not concern Affitor; expected.
    Ignored(Ignored),
    /// It can't be read with certainty. Somebody should look at it.
    Refused(Refused),
}

impl fmt::Display for NoFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored(reason) => reason.fmt(f),
            Self::Refused(reason) => reason.fmt(f),
        }
    }
}

affitor_core::debug_as_sentence!(NoFacts);

impl std::error::Error for NoFacts {}

impl From<Ignored> for NoFacts {
    fn from(why: Ignored) -> Self {
        Self::Ignored(why)
    }
}

impl From<Refused> for NoFacts {
    fn from(why: Refused) -> Self {
        Self::Refused(why)
    }
}
