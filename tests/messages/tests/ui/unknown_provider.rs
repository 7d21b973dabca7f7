//! A payment provider that Affitor does not support.

use affitor_axum::{AffitorClient, PaymentEvent};

struct MyProvider;

async fn payment(affitor: AffitorClient, event: PaymentEvent<MyProvider>) {
    let _ = event.track(&affitor).await;
}

fn main() {}
