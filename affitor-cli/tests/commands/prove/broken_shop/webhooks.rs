//! The endpoint for Stripe's webhooks.

use std::time::Duration;

use affitor::{Currency, Error, Event, Sale, stripe::CUSTOMER_KEY, webhook::Stripe};
use affitor_axum::{AffitorClient, PaymentEvent, Redeliver};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::post,
};

use super::{AppState, Inner, Variant};

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
    let result = affitor.track_payment(&event).await;
    if shop.variant == Variant::LateDouble && event.kind() == "checkout.session.completed" {
        shop.report_again(&event);
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
    fn report_again(&self, event: &PaymentEvent<Stripe>) {
        let session = &event.json()["data"]["object"];
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let sale = Sale::new(text(&session["id"]), session["amount_total"].as_u64().unwrap(), Currency::USD);
        let sale = sale.customer_key(text(&session["metadata"][CUSTOMER_KEY]));
        let client = self.client.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            client.track_sale(sale).await.ok();
        });
    }
}
