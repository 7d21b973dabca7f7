//! An axum app.

mod sign_up {
    use affitor_axum::{AffitorClient, Lead};

    use crate::lines::user;

    async fn sign_up(affitor: AffitorClient) {
        affitor.enqueue(Lead::new(user.id).email(&user.email));
    }

    fn route() -> axum::Router {
        axum::Router::new().route("/signup", axum::routing::post(sign_up))
    }
}

mod checkout {
    use affitor_axum::AffitorClient;

    use crate::lines::user;

    async fn checkout(affitor: AffitorClient) -> Result<(), Box<dyn std::error::Error>> {
        let metadata = affitor.stripe_metadata(&user.id);
        let _ = (metadata.clone().for_payment(), metadata.for_subscription());
        Ok(())
    }
}

use affitor_axum::{
    AffitorClient, PaymentEvent, Redeliver,
    payments::{LemonSqueezy, Paddle, Polar, Stripe, Webhook},
};
use axum::{Router, routing::post};

async fn stripe_payment(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<(), Redeliver> {
    event.track(&affitor).await?;
    Ok(())
}

async fn polar_payment(affitor: AffitorClient, event: PaymentEvent<Polar>) -> Result<(), Redeliver> {
    event.track(&affitor).await?;
    Ok(())
}

async fn lemon_squeezy_payment(affitor: AffitorClient, event: PaymentEvent<LemonSqueezy>) -> Result<(), Redeliver> {
    event.track(&affitor).await?;
    Ok(())
}

async fn paddle_payment(affitor: AffitorClient, event: PaymentEvent<Paddle>) -> Result<(), Redeliver> {
    event.track(&affitor).await?;
    Ok(())
}

async fn serve(app: Router, listener: tokio::net::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
    use std::time::Duration;

    use affitor_axum::{AffitorLayer, Client, shutdown_signal, until_shutdown};

    let stripe_webhook = Webhook::<Stripe>::from_env_or_disabled()?;
    let stripe_route = Router::new().route("/webhooks/stripe", post(stripe_payment)).with_state(stripe_webhook);
    let app = app.merge(stripe_route);

    let polar_webhook = Webhook::<Polar>::from_env_or_disabled()?;
    let polar_route = Router::new().route("/webhooks/polar", post(polar_payment)).with_state(polar_webhook);
    let app = app.merge(polar_route);

    let lemon_squeezy_webhook = Webhook::<LemonSqueezy>::from_env_or_disabled()?;
    let lemon_squeezy_route =
        Router::new().route("/webhooks/lemon-squeezy", post(lemon_squeezy_payment)).with_state(lemon_squeezy_webhook);
    let app = app.merge(lemon_squeezy_route);

    let paddle_webhook = Webhook::<Paddle>::from_env_or_disabled()?;
    let paddle_route = Router::new().route("/webhooks/paddle", post(paddle_payment)).with_state(paddle_webhook);
    let app = app.merge(paddle_route);

    let client = Client::from_env_or_disabled()?;
    let app = app.layer(AffitorLayer::new(client.clone()));
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());
    until_shutdown(server, &client, Duration::from_secs(8)).await?;
    Ok(())
}
