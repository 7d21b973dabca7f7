//! An extractor that consumes the body is not the last argument.

use affitor_axum::{AffitorClient, PaymentEvent, webhook::Stripe};

#[axum::debug_handler(state = affitor_axum::webhook::Webhook<Stripe>)]
async fn payment(event: PaymentEvent<Stripe>, affitor: AffitorClient) {
    let _ = affitor.track_payment(&event).await;
}

fn main() {}
