//! The router's state contains no `Webhook`.

use affitor_axum::{AffitorClient, PaymentEvent, payments::Stripe};

#[derive(Clone)]
struct AppState;

#[axum::debug_handler(state = AppState)]
async fn payment(affitor: AffitorClient, event: PaymentEvent<Stripe>) {
    let _ = event.track(&affitor).await;
}

fn main() {}
