//! Any Tower service.

mod layer {
    use std::time::Duration;

    use affitor_tower::{AffitorLayer, affitor::Client};
    use tower_layer::Layer;

    async fn wrap<S>(service: S) -> Result<(), Box<dyn std::error::Error>> {
        let client = Client::from_env_or_disabled()?;
        let service = AffitorLayer::new(client.clone()).layer(service);
        client.shutdown(Duration::from_secs(8)).await;
        let _ = service;
        Ok(())
    }
}

mod sign_up {
    use affitor_tower::{AffitorRequestExt, affitor::Lead};

    use crate::lines::user;

    fn sign_up(request: &axum::http::Request<()>) {
        if let Some(affitor) = request.affitor() {
            affitor.enqueue(Lead::new(user.id).email(&user.email));
        }
    }
}

use affitor_payments::{LemonSqueezy, Paddle, Polar, Stripe, Webhook};

async fn stripe_payment(
    head: axum::http::request::Parts,
    body: Vec<u8>,
    client: affitor_tower::affitor::Client,
) -> Result<(), Box<dyn std::error::Error>> {
    let stripe_webhook = Webhook::<Stripe>::from_env_or_disabled()?;
    let header = |name: &str| head.headers.get(name).map(|value| value.as_bytes());
    let event = stripe_webhook.verify(header, &body, std::time::SystemTime::now())?;
    event.track(&client).await?;
    Ok(())
}

async fn polar_payment(
    head: axum::http::request::Parts,
    body: Vec<u8>,
    client: affitor_tower::affitor::Client,
) -> Result<(), Box<dyn std::error::Error>> {
    let polar_webhook = Webhook::<Polar>::from_env_or_disabled()?;
    let header = |name: &str| head.headers.get(name).map(|value| value.as_bytes());
    let event = polar_webhook.verify(header, &body, std::time::SystemTime::now())?;
    event.track(&client).await?;
    Ok(())
}

async fn lemon_squeezy_payment(
    head: axum::http::request::Parts,
    body: Vec<u8>,
    client: affitor_tower::affitor::Client,
) -> Result<(), Box<dyn std::error::Error>> {
    let lemon_squeezy_webhook = Webhook::<LemonSqueezy>::from_env_or_disabled()?;
    let header = |name: &str| head.headers.get(name).map(|value| value.as_bytes());
    let event = lemon_squeezy_webhook.verify(header, &body, std::time::SystemTime::now())?;
    event.track(&client).await?;
    Ok(())
}

async fn paddle_payment(
    head: axum::http::request::Parts,
    body: Vec<u8>,
    client: affitor_tower::affitor::Client,
) -> Result<(), Box<dyn std::error::Error>> {
    let paddle_webhook = Webhook::<Paddle>::from_env_or_disabled()?;
    let header = |name: &str| head.headers.get(name).map(|value| value.as_bytes());
    let event = paddle_webhook.verify(header, &body, std::time::SystemTime::now())?;
    event.track(&client).await?;
    Ok(())
}
