//! The outcome of a payment webhook.

use std::fmt;

use super::{Ignored, Refused};
use crate::{
    client::Error,
    delivery::EnqueueError,
    event::{RefundOutcome, SaleOutcome},
};

/// The outcome of a payment webhook. In each of these cases, respond to the provider with status 200.
///
/// ```no_run
/// # use affitor::{Client, webhook::{PaymentError, PaymentOutcome, Stripe, WebhookEvent}};
/// # async fn handler(client: Client, event: WebhookEvent<Stripe>) -> Result<(), PaymentError> {
/// match client.track_payment(&event).await? {
///     PaymentOutcome::Sale(outcome) => println!("sale: {outcome}"),
///     PaymentOutcome::Refund(outcome) => println!("refund: {outcome}"),
///     PaymentOutcome::Failed(error) => println!("needs a look: {error}"),
///     outcome => println!("{outcome}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum PaymentOutcome {
    /// Outcome of a sale.
    Sale(SaleOutcome),
    /// Outcome of a refund.
    Refund(RefundOutcome),
    /// The client's [sink](crate::Client::with_sink) accepted the sale or refund.
    Enqueued,
    /// The webhook does not concern Affitor.
    Ignored(Ignored),
    /// A partial refund that was already reported.
    AlreadyReported,
    /// The webhook is ambiguous. Logged as an error: check the payment.
    Refused(Refused),
    /// The payment could not be reported, and redelivery would not help: the service rejected it, or a partial refund may have
    /// arrived and must not be repeated. Logged as an error: check the payment.
    Failed(Error),
}

impl fmt::Display for PaymentOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sale(outcome) => outcome.fmt(f),
            Self::Refund(outcome) => outcome.fmt(f),
            Self::Enqueued => f.write_str("enqueued"),
            Self::Ignored(reason) => write!(f, "ignored: {reason}"),
            Self::AlreadyReported => f.write_str("already reported"),
            Self::Refused(reason) => write!(f, "not tracked: {reason}"),
            Self::Failed(error) => write!(f, "not tracked: {error}"),
        }
    }
}

/// The payment is not tracked yet. Respond with status 503, so that the provider redelivers the webhook.
///
/// In `affitor-axum` and `affitor-actix`, `?` converts it to the error `Redeliver`, which is this response.
#[derive(Debug)]
pub struct PaymentError(pub(super) Reason);

#[derive(Debug)]
pub(super) enum Reason {
    /// The service is unreachable or unavailable, or rejected the API key.
    Failed(Error),
    /// The service does not know the refund's sale yet.
    SaleNotFound,
    /// The same refund is being reported at this moment.
    InProgress,
    /// The client has no sink.
    NoSink,
    /// The client's sink did not accept the event.
    NotAccepted(EnqueueError),
    /// The task that reported the payment was cancelled.
    Cancelled(tokio::task::JoinError),
    /// The payment could not be recorded in a ledger.
    NotRecorded(Box<dyn std::error::Error + Send + Sync>),
}

impl PaymentError {
    /// Creates the error of a ledger that could not record the payment.
    pub fn not_recorded(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Reason::NotRecorded(Box::new(error)))
    }

    /// Returns whether the payment could not be recorded in a ledger: its database failed.
    pub fn is_not_recorded(&self) -> bool {
        matches!(self.0, Reason::NotRecorded(_))
    }

    /// Returns the client's error, if there is one.
    pub fn error(&self) -> Option<&Error> {
        match &self.0 {
            Reason::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Returns whether this is a refund whose sale the service does not know yet: the refund may have overtaken the sale, or the
    /// sale has no partner.
    pub fn is_sale_not_found(&self) -> bool {
        matches!(self.0, Reason::SaleNotFound)
    }

    /// Returns whether the same refund is being reported at this moment.
    pub fn is_in_progress(&self) -> bool {
        matches!(self.0, Reason::InProgress)
    }

    /// Returns whether the event was not enqueued: the client has no sink, or its sink did not accept the event.
    pub fn is_not_enqueued(&self) -> bool {
        matches!(self.0, Reason::NoSink | Reason::NotAccepted(_))
    }
}

impl fmt::Display for PaymentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the payment is not tracked yet and must be redelivered: ")?;
        match &self.0 {
            Reason::Failed(error) => error.fmt(f),
            Reason::SaleNotFound => f.write_str("the service does not know its sale yet"),
            Reason::InProgress => f.write_str("the same refund is being tracked"),
            Reason::NoSink => f.write_str("the client has no sink (add one with `Client::with_sink`)"),
            Reason::NotAccepted(error) => error.fmt(f),
            Reason::NotRecorded(error) => error.fmt(f),
            Reason::Cancelled(_) => f.write_str("the task that tracked it was cancelled"),
        }
    }
}

impl std::error::Error for PaymentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Reason::Failed(error) => Some(error),
            Reason::NotAccepted(error) => Some(error),
            Reason::Cancelled(error) => Some(error),
            Reason::NotRecorded(error) => Some(&**error),
            Reason::SaleNotFound | Reason::InProgress | Reason::NoSink => None,
        }
    }
}
