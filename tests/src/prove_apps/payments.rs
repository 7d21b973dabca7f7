//! Stripe's webhook.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use affitor::BoundClient;
use affitor_payments::{PaymentError, Stripe, VerifyError, WebhookEvent};
use serde_json::Value;

use super::{
    Fault, own_reports,
    shop::{Delivery, Shop},
};

/// The webhooks that were handled.
#[derive(Debug, Default)]
pub(super) struct Handled(Mutex<HashSet<String>>);

impl Handled {
    /// Returns whether it was not handled before.
    fn mark(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned())
    }
}

impl Shop {
    /// Reports the payment in a webhook.
    pub(super) async fn pay(&self, affitor: &BoundClient, event: &WebhookEvent<Stripe>) -> Result<(), PaymentError> {
        if self.has(Fault::SlowWebhook) {
            // The mistake: everything is done before the response.
            tokio::time::sleep(Duration::from_secs(25)).await;
        }
        if self.has(Fault::HandledFirst) && !self.handled.mark(event.id().as_deref().unwrap_or_default()) {
            // The mistake: it was marked before it was reported, and reporting has failed.
            return Ok(());
        }
        let is_sale = event.kind() == "checkout.session.completed";
        if self.has(Fault::OncePerCustomer) && is_sale && !self.handled.mark(own_reports::customer(event)) {
            // The mistake: a customer pays more than once.
            return Ok(());
        }
        let is_refund = event.kind().contains("refund");
        if self.has(Fault::Spawned) {
            // The mistake: the response is 200 before the sale is reported or stored.
            let (affitor, event) = (affitor.clone(), event.clone());
            tokio::spawn(async move { event.track(&affitor).await });
            return Ok(());
        }
        match (self.fault, &self.delivery) {
            (Some(Fault::RefundId), _) => {
                own_reports::sale(affitor, event, own_reports::total).await.map_err(PaymentError::not_recorded)?;
                // The mistake: the sale has another id.
                own_reports::refund(affitor, event, own_reports::charge(event))
                    .await
                    .map_err(PaymentError::not_recorded)?;
            }
            (Some(Fault::ListPrice), _) => {
                // The mistake: the customer has paid less.
                own_reports::sale(affitor, event, own_reports::list_price).await.map_err(PaymentError::not_recorded)?;
            }
            (Some(Fault::WholeUnits), _) => {
                // The mistake: cents are cut off.
                let whole = |session: &Value| own_reports::total(session) / 100 * 100;
                own_reports::sale(affitor, event, whole).await.map_err(PaymentError::not_recorded)?;
            }
            (Some(Fault::FixedCurrency), _) => {
                // The mistake: the customer has paid in another currency.
                own_reports::sale(affitor, event, own_reports::total).await.map_err(PaymentError::not_recorded)?;
            }
            (Some(Fault::RefundWhole), _) if is_refund => {
                // The mistake: a part may be refunded.
                own_reports::refund_whole(affitor.client(), event).await.map_err(PaymentError::not_recorded)?;
            }
            (Some(Fault::RefundOnce), _) if is_refund => {
                let id = own_reports::payment(event);
                // The mistake: a payment is refunded in parts.
                if event.kind() == "charge.refunded" && self.handled.mark(id) {
                    own_reports::refund(affitor, event, id).await.map_err(PaymentError::not_recorded)?;
                }
            }
            (Some(Fault::RefundKey), _) if is_refund => {
                // The mistake: refunds have a key of their own, which is an old one.
                if let Err(error) = own_reports::refund_whole(&self.refunds, event).await {
                    tracing::warn!(%error, "a refund was not reported");
                }
            }
            (Some(Fault::Unpaid), _) => {
                // The mistake: a session is complete before it is paid.
                own_reports::any_session(affitor, event).await.map_err(PaymentError::not_recorded)?;
                if event.kind() == "charge.refunded" {
                    event.track(&affitor).await?;
                }
            }
            (Some(Fault::SubscriptionId), _) => {
                own_reports::invoices(affitor, event, &self.first).await.map_err(PaymentError::not_recorded)?;
            }
            (Some(Fault::RenewalId), _) if own_reports::is_renewal(event, &self.first) => {
                // The mistake: the next renewal is a duplicate.
                own_reports::invoice(affitor, event).await.map_err(PaymentError::not_recorded)?;
            }
            (Some(Fault::NewIds), _) if is_refund => {
                let id = self.first.lock().unwrap_or_else(PoisonError::into_inner).clone();
                own_reports::refund(affitor, event, &id).await.map_err(PaymentError::not_recorded)?;
            }
            (Some(Fault::NewIds), _) if is_sale && self.handled.mark(event.id().as_deref().unwrap_or_default()) => {
                // The mistake: the first attempt may have been recorded.
                if own_reports::with_new_id(&self.once, event, &self.first).await.is_err() {
                    let again = own_reports::with_new_id(&self.once, event, &self.first).await;
                    again.map_err(PaymentError::not_recorded)?;
                }
            }
            (Some(Fault::NewIds), _) => {}
            (Some(Fault::DoubleReporting), _) => {
                // The mistake: the next line reports the sale as well, under another id.
                own_reports::sale(affitor, event, own_reports::total).await.map_err(PaymentError::not_recorded)?;
                event.track(&affitor).await?;
            }
            (_, Delivery::Direct | Delivery::Queue) => {
                event.track(&affitor).await?;
            }
            (_, Delivery::Outbox(delivery)) => {
                delivery.outbox().record_payment_alone(event).await?;
            }
        }
        Ok(())
    }

    /// Reads a body that anyone may have sent.
    pub(super) fn unverified(&self, body: &str) -> Result<WebhookEvent<Stripe>, VerifyError> {
        // The mistake: the shop signs the body itself, whoever sent it.
        let headers = self.webhook.sign("", body.as_bytes(), SystemTime::now());
        self.webhook.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), SystemTime::now())
    }

    /// Verifies a body that was parsed before.
    pub(super) fn verify_parsed<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h [u8]>,
        body: &Value,
    ) -> Result<WebhookEvent<Stripe>, VerifyError> {
        // The mistake: Stripe signed other bytes.
        self.webhook.verify(header, body.to_string().as_bytes(), SystemTime::now())
    }
}
