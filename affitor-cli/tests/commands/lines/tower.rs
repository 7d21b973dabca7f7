//! Any Tower service.

mod layer {
    use affitor_tower::{AffitorLayer, affitor::Client};
    use tower_layer::Layer;

    fn wrap<S>(service: S) -> Result<(), Box<dyn std::error::Error>> {
        let client = Client::from_env()?;
        let service = AffitorLayer::new(client.clone()).layer(service);
        let _ = (service, client);
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
    let stripe_webhook = Webhook::<Stripe>::new(std::env::var("STRIPE_WEBHOOK_SECRET")?)?;
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
    let polar_webhook = Webhook::<Polar>::new(std::env::var("POLAR_WEBHOOK_SECRET")?)?;
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
    let lemon_squeezy_webhook = Webhook::<LemonSqueezy>::new(std::env::var("LEMON_SQUEEZY_WEBHOOK_SECRET")?)?;
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
    let paddle_webhook = Webhook::<Paddle>::new(std::env::var("PADDLE_WEBHOOK_SECRET")?)?;
    let header = |name: &str| head.headers.get(name).map(|value| value.as_bytes());
    let event = paddle_webhook.verify(header, &body, std::time::SystemTime::now())?;
    event.track(&client).await?;
    Ok(())
}
