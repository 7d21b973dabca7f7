//! A webhook handler with the app's own error type.

use affitor_axum::{
    AffitorClient, PaymentEvent,
    payments::Stripe,
};

struct AppError;

async fn payment(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<(), AppError> {
    event.track(&affitor).await?;
    Ok(())
}

fn main() {}
