//! The app on axum.

use affitor_axum::{
    AffitorClient, AffitorLayer, Client, PaymentEvent, Redeliver,
    payments::{Stripe, Webhook},
};
use axum::{
    Router,
    extract::{FromRef, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use session::{Sessions, User};

use crate::{PAGE, Shop};

impl FromRef<Shop> for Webhook<Stripe> {
    fn from_ref(shop: &Shop) -> Self {
        shop.webhook.clone()
    }
}

impl FromRef<Shop> for Sessions {
    fn from_ref(shop: &Shop) -> Self {
        shop.sessions.clone()
    }
}

/// Builds the app.
pub fn app(client: Client, shop: Shop) -> Router {
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/api/checkout", post(check_out))
        .route("/webhooks/stripe", post(payment_webhook))
        .with_state(shop)
        .layer(AffitorLayer::new(client))
}

/// Sends the user to Stripe's payment page. Stripe returns the metadata in the webhook: the user id and the click id.
async fn check_out(State(shop): State<Shop>, User(user_id): User, affitor: AffitorClient) -> Response {
    let metadata = affitor.stripe_metadata(&user_id).for_payment().form_pairs();
    match shop.stripe.payment_page(&user_id, metadata).await {
        Ok(url) => Redirect::to(url.as_str()).into_response(),
        Err(error) => {
            tracing::error!(%error, "the checkout session could not be created");
            (StatusCode::BAD_GATEWAY, "payments are unavailable at the moment").into_response()
        }
    }
}

/// The shop's own work comes first, and is done once per payment, however often Stripe delivers the webhook. If the payment can't be
/// reported, the response is 503, and Stripe redelivers it.
async fn payment_webhook(
    State(shop): State<Shop>,
    affitor: AffitorClient,
    event: PaymentEvent<Stripe>,
) -> Result<(), Redeliver> {
    shop.orders.fulfil_once(&event);

    let outcome = event.track(&affitor).await?;
    tracing::info!(%outcome, "payment webhook handled");
    Ok(())
}
