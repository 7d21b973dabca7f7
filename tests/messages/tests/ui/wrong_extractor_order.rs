//! An extractor that consumes the body is not the last argument.

use affitor_axum::{AffitorClient, PaymentEvent, payments::Stripe};

#[axum::debug_handler(state = affitor_axum::payments::Webhook<Stripe>)]
async fn payment(event: PaymentEvent<Stripe>, affitor: AffitorClient) {
    let _ = event.track(&affitor).await;
}

fn main() {}
