//! What became of a payment's webhook, and what the provider is answered.

use std::fmt;

use super::{Ignored, Refused};
use crate::{Error, NotQueued, RefundOutcome, SaleOutcome};

/// What became of a payment's webhook. In each of these cases the provider is answered with 200.
#[derive(Debug)]
#[non_exhaustive]
pub enum PaymentOutcome {
    /// It was a sale, and this became of it.
    Sale(SaleOutcome),
    /// It was a refund, and this became of it.
    Refund(RefundOutcome),
    /// The client's [queue](crate::Client::deliver_with) has taken the sale or refund.
    Queued,
    /// It was none of Affitor's business.
    Ignored(Ignored),
    /// A partial refund that this client has reported before.
    Repeated,
    /// It can't be read as a payment for certain. Logged as an error, since somebody should look at it.
    Refused(Refused),
    /// It could not be reported, and delivering it again would not help: the service rejected it, or a partial refund may
    /// have arrived and must not be repeated. Logged as an error, since somebody should look at it.
    Failed(Error),
}

/// The provider is to deliver the webhook again: answer it with status 503. The log says why.
///
/// `affitor-axum` and `affitor-actix` have an error of the same name that is this response.
#[derive(Debug)]
pub struct Redeliver(pub(super) Why);

#[derive(Debug)]
pub(super) enum Why {
    /// The service was not reached, was not able, or did not accept the key.
    Failed(Error),
    /// The refund's sale is not there yet.
    SaleNotFound,
    /// The same refund is being reported at this moment.
    UnderWay,
    /// The queue has not taken it.
    NotQueued(NotQueued),
    /// The task that reported it has ended before its time.
    Ended(tokio::task::JoinError),
}

impl Redeliver {
    /// The client's error, where there is one.
    pub fn error(&self) -> Option<&Error> {
        match &self.0 {
            Why::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Whether it is a refund whose sale Affitor does not know yet: it may have overtaken it, or have no partner.
    pub fn is_sale_not_found(&self) -> bool {
        matches!(self.0, Why::SaleNotFound)
    }

    /// Whether the same refund is being reported at this moment.
    pub fn is_under_way(&self) -> bool {
        matches!(self.0, Why::UnderWay)
    }
}

impl fmt::Display for Redeliver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the payment is not tracked yet, deliver it again: ")?;
        match &self.0 {
            Why::Failed(error) => error.fmt(f),
            Why::SaleNotFound => f.write_str("its sale is not known, or not yet"),
            Why::UnderWay => f.write_str("the same refund is being tracked"),
            Why::NotQueued(why) => why.fmt(f),
            Why::Ended(_) => f.write_str("the task that tracked it was ended"),
        }
    }
}

impl std::error::Error for Redeliver {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Why::Failed(error) => Some(error),
            Why::NotQueued(why) => Some(why),
            Why::Ended(ended) => Some(ended),
            Why::SaleNotFound | Why::UnderWay => None,
        }
    }
}
