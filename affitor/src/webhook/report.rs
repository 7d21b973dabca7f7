//! Reporting the sale or refund of a webhook, and deciding whether the provider should redeliver it.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    Ignored, PaymentError, PaymentOutcome, Provider, Refused, WebhookEvent,
    memory::{Claimed, PaymentMemory, SaleState},
    outcome::Reason,
    redelivery,
};
use crate::{
    client::{Client, Error},
    event::{Event, NotAttributed, Refund, RefundOutcome, RetryClass, Sale, SaleOutcome},
    redact::Redacted,
};

/// How a payment is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Make the call.
    Send,
    /// Hand the event to the client's sink.
    Enqueue,
}

/// Reports what is in one webhook.
#[derive(Clone)]
pub(super) struct Reporter {
    client: Client,
    memory: Arc<PaymentMemory>,
    delivery: Delivery,
    webhook: WebhookName,
    occurred_at: Option<SystemTime>,
    overtakes: Duration,
}

impl Reporter {
    pub(super) fn new<P: Provider>(client: &Client, event: &WebhookEvent<P>, delivery: Delivery) -> Self {
        Self {
            client: client.clone(),
            memory: Arc::clone(&event.memory),
            delivery,
            webhook: WebhookName {
                provider: P::NAME,
                id: event.id().map(std::borrow::Cow::into_owned),
                kind: event.kind().to_owned(),
            },
            occurred_at: event.occurred_at(),
            overtakes: P::OVERTAKES,
        }
    }

    pub(super) async fn sale(&self, sale: Sale) -> Result<PaymentOutcome, PaymentError> {
        if self.delivery == Delivery::Enqueue {
            return self.enqueue(sale);
        }
        let transaction_id = sale.transaction_id.clone();
        let lost_before =
            self.memory.sale(&transaction_id) == Some(SaleState::AwaitingRedelivery { may_have_arrived: true });
        let tracked = self.client.track_sale(sale).await.map(|outcome| match outcome {
            SaleOutcome::AlreadyRecorded { uncertain } => {
                SaleOutcome::AlreadyRecorded { uncertain: uncertain || lost_before }
            }
            outcome => outcome,
        });
        if let Ok(SaleOutcome::AlreadyRecorded { uncertain: true }) = &tracked {
            tracing::warn!(
                webhook = ?self.webhook,
                "this sale was already recorded, possibly without its commission: check the dashboard"
            );
        }
        let may_have_arrived = lost_before || tracked.as_ref().is_err_and(Error::may_have_arrived);
        let result = self.judge(tracked.map(PaymentOutcome::Sale), RetryClass::Idempotent);
        self.memory.set_sale(
            &transaction_id,
            match &result {
                Ok(PaymentOutcome::Sale(SaleOutcome::NotAttributed(_))) => Some(SaleState::Unattributed),
                Ok(_) => None,
                Err(_) => Some(SaleState::AwaitingRedelivery { may_have_arrived }),
            },
        );
        result
    }

    /// Reports a refund of the first of these sales that the service knows. A partial refund with an id is reported once.
    pub(super) async fn refund(self, mut refund: Refund, sales: Vec<String>) -> Result<PaymentOutcome, PaymentError> {
        let claim = match refund.refund_id.as_deref().filter(|_| !refund.is_full()) {
            None => None,
            Some(refund_id) => match self.memory.claim_refund(refund_id) {
                Claimed::New(claim) => Some(claim),
                Claimed::InProgress => return Err(PaymentError(Reason::InProgress)),
                Claimed::Reported => return Ok(PaymentOutcome::AlreadyReported),
            },
        };
        if self.delivery == Delivery::Enqueue {
            refund.transaction_id = sales.into_iter().next().unwrap_or(refund.transaction_id);
            let accepted = self.enqueue(refund);
            if let (Err(_), Some(claim)) = (&accepted, claim) {
                claim.release();
            }
            return accepted;
        }
        // In a task of its own, like the call itself: dropping the handler must not make it look as if nothing was reported.
        let reporting = async move {
            let result = self.send_refund(&refund, &sales).await;
            match (claim, &result) {
                (Some(claim), Ok(PaymentOutcome::Refund(outcome))) if !had_effect(outcome) => claim.release(),
                (Some(claim), Ok(PaymentOutcome::Failed(error))) if !error.may_have_arrived() => claim.release(),
                (Some(claim), Err(_)) => claim.release(),
                _ => {}
            }
            result
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(reporting).await.unwrap_or_else(|error| Err(PaymentError(Reason::Cancelled(error))))
            }
            // The client's error says what is missing.
            Err(_) => reporting.await,
        }
    }

    async fn send_refund(&self, refund: &Refund, sales: &[String]) -> Result<PaymentOutcome, PaymentError> {
        let mut outcome = RefundOutcome::NotAttributed(NotAttributed::SaleNotFound);
        for transaction_id in sales {
            let event = Refund { transaction_id: transaction_id.clone(), ..refund.clone() };
            let retry_class = Event::from(event.clone()).retry_class();
            outcome = match self.client.track_refund(event).await {
                Ok(outcome) => outcome,
                Err(error) => return self.judge(Err(error), retry_class),
            };
            if outcome != RefundOutcome::NotAttributed(NotAttributed::SaleNotFound) {
                break;
            }
        }
        match &outcome {
            RefundOutcome::NotAttributed(NotAttributed::SaleNotFound) if self.sale_may_come(sales) => {
                return Err(PaymentError(Reason::SaleNotFound));
            }
            RefundOutcome::AlreadyReversed { .. } => tracing::warn!(
                webhook = ?self.webhook,
                "this sale's commission was already reversed, in part or in full, so this refund had no effect: check the dashboard"
            ),
            _ => {}
        }
        Ok(PaymentOutcome::Refund(outcome))
    }

    /// Whether the sale of a refund may still be reported.
    fn sale_may_come(&self, sales: &[String]) -> bool {
        match sales.iter().find_map(|sale| self.memory.sale(sale)) {
            Some(SaleState::Unattributed) => false,
            Some(SaleState::AwaitingRedelivery { .. }) => true,
            None => redelivery::may_overtake(self.occurred_at, SystemTime::now(), self.overtakes),
        }
    }

    fn enqueue(&self, event: impl Into<Event>) -> Result<PaymentOutcome, PaymentError> {
        if self.client.sink().is_none() && !self.client.is_disabled() {
            return Err(PaymentError(Reason::NoSink));
        }
        match self.client.try_enqueue(event) {
            Ok(()) => Ok(PaymentOutcome::Enqueued),
            Err(error) => Err(PaymentError(Reason::NotAccepted(error))),
        }
    }

    pub(super) fn ignored(&self, reason: Ignored) -> PaymentOutcome {
        let webhook = &self.webhook;
        match reason {
            Ignored::CannotBeUndone => tracing::warn!(?webhook, %reason, "a payment webhook is ignored"),
            Ignored::CountedElsewhere { .. } | Ignored::OtherProgram => {
                tracing::info!(?webhook, %reason, "a payment webhook is ignored");
            }
            _ => tracing::debug!(?webhook, %reason, "a payment webhook is ignored"),
        }
        PaymentOutcome::Ignored(reason)
    }

    pub(super) fn refused(&self, reason: Refused) -> PaymentOutcome {
        tracing::error!(webhook = ?self.webhook, %reason, "a payment is not tracked");
        PaymentOutcome::Refused(reason)
    }

    /// Decides whether a failed call is an outcome, or an error that asks for redelivery.
    fn judge(
        &self,
        tracked: Result<PaymentOutcome, Error>,
        retry_class: RetryClass,
    ) -> Result<PaymentOutcome, PaymentError> {
        match tracked {
            Ok(outcome) => Ok(outcome),
            Err(error) if redelivery::can_help(&error, retry_class) => Err(PaymentError(Reason::Failed(error))),
            Err(error) => {
                tracing::error!(webhook = ?self.webhook, %error, "a payment is not tracked");
                Ok(PaymentOutcome::Failed(error))
            }
        }
    }
}

/// Whether the service now knows of this refund.
fn had_effect(outcome: &RefundOutcome) -> bool {
    matches!(
        outcome,
        RefundOutcome::Reversed { .. } | RefundOutcome::Refunded { .. } | RefundOutcome::AlreadyReversed { .. }
    )
}

/// A webhook in logs: its provider, type and id.
#[derive(Clone)]
struct WebhookName {
    provider: &'static str,
    id: Option<String>,
    kind: String,
}

impl fmt::Debug for WebhookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.provider, Redacted(&self.kind))?;
        self.id.as_deref().map_or(Ok(()), |id| write!(f, " {:?}", Redacted(id)))
    }
}
