//! The outcome of a payment webhook.

use std::fmt;

use affitor::{EnqueueError, Error, Event, RefundOutcome, SaleOutcome};
use affitor_core::error::Sentence;

use crate::{
    ledger::{Payment, Status},
    provider::{Ignored, Refused},
};

/// The outcome of a payment webhook. Whatever it says, respond to the provider with status 200.
///
/// ```no_run
/// # use affitor::Client;
/// # use affitor_payments::{PaymentError, PaymentReport, Stripe, WebhookEvent};
/// # async fn handler(client: Client, event: WebhookEvent<Stripe>) -> Result<(), PaymentError> {
/// let outcome = event.track(&client).await?;
/// for report in &outcome.reported {
///     match report {
///         PaymentReport::Sale(outcome) => println!("sale: {outcome}"),
///         PaymentReport::Refund(outcome) => println!("refund: {outcome}"),
///         report => println!("{report}"),
///     }
/// }
/// for error in &outcome.failed {
///     println!("needs a look: {error}");
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct PaymentOutcome {
    /// What was reported, in this order. Mostly one sale or one refund, or nothing if it was reported before. A refund that had to
    /// wait for its sale follows it.
    pub reported: Vec<PaymentReport>,
    /// The payments that the webhook concerns, and what became of each one.
    pub payments: Vec<Payment>,
    /// Why the webhook does not concern Affitor.
    pub ignored: Option<Ignored>,
    /// Why the webhook can't be read with certainty. Logged as an error: check the payment.
    pub refused: Option<Refused>,
    /// Reports that failed, and redelivery would not help: the service rejected one, or a partial refund may have arrived and must
    /// not be repeated. Logged as errors: check the payment.
    pub failed: Vec<Error>,
}

/// A sale or refund that was reported.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "one or two per webhook")]
pub enum PaymentReport {
    /// Outcome of a sale.
    Sale(SaleOutcome),
    /// Outcome of a refund.
    Refund(RefundOutcome),
    /// The client's [sink](affitor::Client::with_sink) accepted this sale or refund.
    Enqueued(Event),
}

impl PaymentOutcome {
    /// Returns the outcome of the sale, if one was reported.
    pub fn sale(&self) -> Option<&SaleOutcome> {
        self.reported.iter().find_map(|report| match report {
            PaymentReport::Sale(outcome) => Some(outcome),
            _ => None,
        })
    }

    /// Returns the outcome of the last refund, if one was reported.
    pub fn refund(&self) -> Option<&RefundOutcome> {
        self.reported.iter().rev().find_map(|report| match report {
            PaymentReport::Refund(outcome) => Some(outcome),
            _ => None,
        })
    }
}

impl fmt::Display for PaymentOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.reported.iter().map(ToString::to_string).collect();
        parts.extend(self.failed.iter().map(|error| format!("not tracked: {error}")));
        parts.extend(self.refused.iter().map(|reason| format!("not tracked: {reason}")));
        parts.extend(self.ignored.iter().map(|reason| format!("ignored: {reason}")));
        if parts.is_empty() {
            parts.extend(self.payments.iter().map(|payment| match payment.status {
                Status::Reported => "already reported".to_owned(),
                ref status => format!("not tracked: {status}"),
            }));
        }
        if parts.is_empty() { f.write_str("nothing to report") } else { f.write_str(&parts.join("; ")) }
    }
}

impl fmt::Display for PaymentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sale(outcome) => write!(f, "sale: {outcome}"),
            Self::Refund(outcome) => write!(f, "refund: {outcome}"),
            Self::Enqueued(event) => write!(f, "{}: enqueued", event.kind()),
        }
    }
}

/// The payment is not tracked yet. Respond with status 503, so that the provider redelivers the webhook.
///
/// In `affitor-axum` and `affitor-actix`, `?` converts it to the error `Redeliver`, which is this response.
pub struct PaymentError(pub(super) Reason);

#[derive(Debug)]
pub(super) enum Reason {
    /// The service is unreachable or unavailable, or rejected the API key.
    Failed(Error),
    /// The service does not know the refund's sale yet.
    SaleNotFound,
    /// The same payment is being reported at this moment.
    InProgress,
    /// Stripe is connected to the program, and the app is to report the payments.
    Conflict,
    /// The client has no sink: its queue is in memory, and a webhook that was acknowledged would be lost in a crash.
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

    /// Returns whether the same payment is being reported at this moment, and has been for 20 seconds.
    pub fn is_in_progress(&self) -> bool {
        matches!(self.0, Reason::InProgress)
    }

    /// Returns whether Stripe is connected to the program, although [the app reports](crate::StripeReporter::App) its payments.
    pub fn is_conflict(&self) -> bool {
        matches!(self.0, Reason::Conflict)
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
            Reason::InProgress => f.write_str("the same payment is being tracked"),
            Reason::Conflict => f.write_str(
                "Stripe is connected to the Affitor program, so Affitor may report it too, and it would count twice: create the \
                 webhook with `StripeReporter::Affitor`, or with `AppEvenIfConnected` if Affitor does not read Stripe's webhooks",
            ),
            Reason::NoSink => f.write_str("the client keeps events in memory only, and a webhook that was acknowledged would be lost in a crash: use `track`, or \
                 add the enqueuer of an outbox with `Client::with_sink`"),
            Reason::NotAccepted(error) => error.fmt(f),
            Reason::NotRecorded(error) => error.fmt(f),
            Reason::Cancelled(_) => f.write_str("the task that tracked it was cancelled"),
        }
    }
}

/// `{:?}` is what a failing `main` prints. `{:#?}` shows the structure.
impl fmt::Debug for PaymentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() { fmt::Debug::fmt(&self.0, f) } else { fmt::Display::fmt(&Sentence(self), f) }
    }
}

impl std::error::Error for PaymentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Reason::Failed(error) => Some(error),
            Reason::NotAccepted(error) => Some(error),
            Reason::Cancelled(error) => Some(error),
            Reason::NotRecorded(error) => Some(&**error),
            Reason::SaleNotFound | Reason::InProgress | Reason::Conflict | Reason::NoSink => None,
        }
    }
}
