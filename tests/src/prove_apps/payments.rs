//! Stripe's webhook.

use std::time::SystemTime;

use affitor::BoundClient;
use affitor_payments::{PaymentError, Stripe, VerifyError, WebhookEvent};
use serde_json::Value;

use super::{
    Fault, own_reports,
    shop::{Delivery, Shop},
};

impl Shop {
    /// Reports the payment in a webhook.
    pub(super) async fn pay(&self, affitor: &BoundClient, event: &WebhookEvent<Stripe>) -> Result<(), PaymentError> {
        match (self.fault, &self.delivery) {
            (Some(Fault::RefundId), _) => {
                own_reports::sale(affitor, event).await.map_err(PaymentError::not_recorded)?;
                own_reports::refund(affitor, event).await.map_err(PaymentError::not_recorded)?;
            }
            (Some(Fault::DoubleReporting), _) => {
                // The mistake: the next line reports the sale as well, under another id.
                own_reports::sale(affitor, event).await.map_err(PaymentError::not_recorded)?;
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
