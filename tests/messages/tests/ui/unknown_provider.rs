//! A payment provider that Affitor does not support.

use affitor_axum::{AffitorClient, PaymentEvent};

struct MyProvider;

async fn payment(affitor: AffitorClient, event: PaymentEvent<MyProvider>) {
    let _ = affitor.track_payment(&event).await;
}

fn main() {}
