//! Reporting the sales and refunds that follow from a webhook, and deciding whether the provider should redeliver it.

use std::time::{Duration, SystemTime};

use affitor::{Client, Error, Event, NotAttributed, Refund, RefundOutcome, Sale, SaleOutcome};

use super::{
    outcome::{PaymentError, PaymentOutcome, PaymentReport, Reason},
    redelivery,
};
use crate::{
    event::WebhookEvent,
    memory::{Claim, SaleState},
    provider::Provider,
};

/// How a payment is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Make the call.
    Send,
    /// Hand the event to the client's sink.
    Enqueue,
}

/// An event as it was decided, and as the app changed it.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) decided: Event,
    pub(super) event: Event,
}

/// Reports the events of one webhook, in order.
pub(super) struct Reporter<P> {
    client: Client,
    delivery: Delivery,
    webhook: WebhookEvent<P>,
    claim: Claim,
    occurred_at: Option<SystemTime>,
    overtakes: Duration,
    outcome: PaymentOutcome,
    /// Sales that could not be reported, so their refunds are not reported either.
    skipped: Vec<String>,
}

impl<P: Provider> Reporter<P> {
    pub(super) fn new(client: &Client, webhook: &WebhookEvent<P>, delivery: Delivery, claim: Claim) -> Self {
        let outcome = PaymentOutcome { payments: claim.decision.payments.clone(), ..PaymentOutcome::default() };
        Self {
            client: client.clone(),
            delivery,
            webhook: webhook.clone(),
            claim,
            occurred_at: webhook.occurred_at(),
            overtakes: P::OVERTAKES,
            outcome,
            skipped: vec![],
        }
    }

    pub(super) async fn run(mut self, events: Vec<Mapped>) -> Result<PaymentOutcome, PaymentError> {
        for Mapped { decided, event } in events {
            match (decided, event) {
                (Event::Sale(decided), Event::Sale(sale)) => self.sale(&decided, sale).await?,
                (Event::Refund(decided), Event::Refund(refund)) if !self.skipped.contains(&decided.transaction_id) => {
                    self.refund(&decided, refund).await?;
                }
                // Payments are reported as sales and refunds only.
                _ => {}
            }
        }
        Ok(self.outcome)
    }

    async fn sale(&mut self, decided: &Sale, sale: Sale) -> Result<(), PaymentError> {
        let transaction_id = &decided.transaction_id;
        if sale.amount_cents == 0 && !sale.is_test() {
            self.skipped.push(transaction_id.clone());
            return Ok(());
        }
        if self.delivery == Delivery::Enqueue {
            self.enqueue(sale)?;
            self.claim.sale_reported(decided);
            return Ok(());
        }
        let lost_before =
            self.claim.sale(transaction_id) == Some(SaleState::AwaitingRedelivery { may_have_arrived: true });
        let retry_class = Event::from(sale.clone()).retry_class();
        match self.client.track_sale(sale).await {
            Ok(mut outcome) => {
                if let SaleOutcome::AlreadyRecorded { uncertain, .. } = &mut outcome {
                    *uncertain |= lost_before;
                    if *uncertain {
                        tracing::warn!(
                            webhook = ?self.webhook,
                            "this sale was already recorded, possibly without its commission: check the dashboard"
                        );
                    } else {
                        // Normal after a restart: only this memory ends with a process.
                        tracing::debug!(webhook = ?self.webhook, "this sale was already recorded, before this process began");
                    }
                }
                self.claim.sale_reported(decided);
                let is_unattributed = matches!(outcome, SaleOutcome::NotAttributed(_));
                self.claim.set_sale(transaction_id, is_unattributed.then_some(SaleState::Unattributed));
                self.outcome.reported.push(PaymentReport::Sale(outcome));
            }
            Err(error) if redelivery::can_help((&error).into(), retry_class) => {
                let may_have_arrived = lost_before || error.may_have_arrived();
                self.claim.set_sale(transaction_id, Some(SaleState::AwaitingRedelivery { may_have_arrived }));
                return Err(PaymentError(Reason::Failed(error)));
            }
            Err(error) => {
                self.claim.set_sale(transaction_id, None);
                self.skipped.push(transaction_id.clone());
                self.failed(error);
            }
        }
        Ok(())
    }

    async fn refund(&mut self, decided: &Refund, refund: Refund) -> Result<(), PaymentError> {
        if self.delivery == Delivery::Enqueue {
            self.enqueue(refund)?;
            self.claim.refund_reported(decided);
            return Ok(());
        }
        let retry_class = Event::from(refund.clone()).retry_class();
        // Before the call, in case it is never seen to end.
        self.claim.refund_reported(decided);
        match self.client.track_refund(refund).await {
            Ok(outcome) => {
                if !is_final(&outcome) {
                    self.claim.refund_not_reported(decided);
                }
                match &outcome {
                    RefundOutcome::NotAttributed(NotAttributed::SaleNotFound) if self.sale_may_come(decided) => {
                        return Err(PaymentError(Reason::SaleNotFound));
                    }
                    RefundOutcome::AlreadyReversed { .. } => tracing::warn!(
                        webhook = ?self.webhook,
                        "this sale's commission was already reversed, in part or in full, so this refund had no effect: check \
                         the dashboard"
                    ),
                    _ => {}
                }
                self.outcome.reported.push(PaymentReport::Refund(outcome));
            }
            Err(error) => {
                let can_help = redelivery::can_help((&error).into(), retry_class);
                if can_help || !error.may_have_arrived() {
                    self.claim.refund_not_reported(decided);
                }
                if can_help {
                    return Err(PaymentError(Reason::Failed(error)));
                }
                self.failed(error);
            }
        }
        Ok(())
    }

    /// Whether the sale of a refund may still be reported.
    fn sale_may_come(&self, refund: &Refund) -> bool {
        match self.claim.sale(&refund.transaction_id) {
            Some(SaleState::Unattributed) => false,
            Some(SaleState::AwaitingRedelivery { .. }) => true,
            None => redelivery::may_overtake(self.occurred_at, SystemTime::now(), self.overtakes),
        }
    }

    fn enqueue(&mut self, event: impl Into<Event>) -> Result<(), PaymentError> {
        if !self.client.has_sink() && !self.client.is_disabled() {
            return Err(PaymentError(Reason::NoSink));
        }
        let event = event.into();
        self.client.try_enqueue(event.clone()).map_err(|error| PaymentError(Reason::NotAccepted(error)))?;
        self.outcome.reported.push(PaymentReport::Enqueued(event));
        Ok(())
    }

    fn failed(&mut self, error: Error) {
        tracing::error!(webhook = ?self.webhook, %error, "a payment is not tracked");
        self.outcome.failed.push(error);
    }
}

/// Whether the service now knows of this refund, or has nothing to reverse.
fn is_final(outcome: &RefundOutcome) -> bool {
    matches!(
        outcome,
        RefundOutcome::Reversed { .. }
            | RefundOutcome::Refunded { .. }
            | RefundOutcome::AlreadyReversed { .. }
            | RefundOutcome::NoCommission
    )
}
