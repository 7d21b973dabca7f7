//! The endpoint for Stripe's webhooks.

use affitor::{Currency, Error, Event, Sale, stripe::CUSTOMER_KEY};
use affitor_axum::{AffitorClient, PaymentEvent, Redeliver};
use affitor_payments::Stripe;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::post,
};

use serde_json::Value;
use tokio::time::sleep;

use super::{AppState, Inner, LATER, Variant};

pub(super) fn routes(variant: Variant) -> Router<AppState> {
    let app = Router::new();
    match variant {
        Variant::NoWebhook => app,
        Variant::WebhookRedirects => app.route("/webhooks", post(|| async { Redirect::to("/login") })),
        Variant::WebhookFails => app.route("/webhooks", post(|| async { StatusCode::INTERNAL_SERVER_ERROR })),
        _ => app.route("/webhooks", post(payment)),
    }
}

async fn payment(
    State(AppState(shop)): State<AppState>,
    affitor: AffitorClient,
    event: PaymentEvent<Stripe>,
) -> Result<(), Response> {
    const KNOWN: [&str; 3] = ["checkout.session.completed", "invoice.paid", "charge.refunded"];
    match shop.variant {
        Variant::NoSale => return Ok(()),
        Variant::UnknownWebhooksRejected if !KNOWN.contains(&event.kind()) => {
            return Err((StatusCode::UNPROCESSABLE_ENTITY, "unknown event type").into_response());
        }
        variant if variant.has_own_reports() => return shop.report(&event).await,
        _ => {}
    }
    let result = event.track(&affitor).await;
    let object = &event.json()["data"]["object"];
    match (shop.variant, event.kind()) {
        (Variant::LateDouble, "checkout.session.completed") => {
            shop.report_later(&object["id"], &object["amount_total"], &object["metadata"]);
        }
        (Variant::LateDoubleOfRenewal, "invoice.paid") if object["billing_reason"] == "subscription_cycle" => {
            let metadata = &object["parent"]["subscription_details"]["metadata"];
            shop.report_later(&object["number"], &object["amount_paid"], metadata);
        }
        _ => {}
    }
    match result {
        Err(error) if shop.variant != Variant::ErrorIgnored => Err(Redeliver(error).into_response()),
        _ => Ok(()),
    }
}

impl Inner {
    /// Reports what the shop's own code reads in a webhook. Stripe redelivers it if the service failed.
    async fn report(&self, event: &PaymentEvent<Stripe>) -> Result<(), Response> {
        let read = self.reported.lock().unwrap().read(self.variant, event.kind(), &event.json()["data"]);
        let result = match read {
            Some(Event::Sale(sale)) => self.client.track_sale(sale).await.map(drop),
            Some(Event::Refund(refund)) => self.client.track_refund(refund).await.map(drop),
            _ => Ok(()),
        };
        let failed = result.as_ref().is_err_and(Error::is_retryable);
        if failed { Err(StatusCode::SERVICE_UNAVAILABLE.into_response()) } else { Ok(()) }
    }

    /// The mistake: a job reports the same sale.
    fn report_later(&self, id: &Value, amount: &Value, metadata: &Value) {
        let sale = Sale::new(id.as_str().unwrap(), amount.as_u64().unwrap(), Currency::USD);
        let sale = sale.customer_key(metadata[CUSTOMER_KEY].as_str().unwrap());
        let client = self.client.clone();
        tokio::spawn(async move {
            sleep(LATER).await;
            client.track_sale(sale).await.ok();
        });
    }
}
