//! An actix-web app.

mod sign_up {
    use actix_web::HttpResponse;
    use affitor_actix::{AffitorClient, Lead};

    use crate::lines::user;

    async fn sign_up(affitor: AffitorClient) -> HttpResponse {
        affitor.enqueue(Lead::new(user.id).email(&user.email));
        HttpResponse::Ok().finish()
    }

    fn route() -> actix_web::Route {
        actix_web::web::post().to(sign_up)
    }
}

mod checkout {
    use affitor_actix::AffitorClient;

    use crate::lines::user;

    async fn checkout(affitor: AffitorClient) -> Result<(), Box<dyn std::error::Error>> {
        let metadata = affitor.stripe_metadata(&user.id);
        let _ = (metadata.clone().for_payment(), metadata.for_subscription());
        Ok(())
    }
}

mod layer {
    use std::time::Duration;

    use actix_web::{App, HttpServer};
    use affitor_actix::{AffitorLayer, Client};

    async fn serve() -> Result<(), Box<dyn std::error::Error>> {
        let client = Client::from_env_or_disabled()?;
        let layer = AffitorLayer::new(client.clone());
        let server = HttpServer::new(move || App::new().wrap(layer.clone()));
        server.bind("127.0.0.1:0")?.run().await?;
        client.shutdown(Duration::from_secs(8)).await;
        Ok(())
    }
}

use actix_web::{HttpResponse, post};
use affitor_actix::{
    AffitorClient, PaymentEvent, Redeliver,
    payments::{LemonSqueezy, Paddle, Polar, Stripe, Webhook},
};

#[post("/webhooks/stripe")]
async fn stripe_payment(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<HttpResponse, Redeliver> {
    event.track(&affitor).await?;
    Ok(HttpResponse::Ok().finish())
}

#[post("/webhooks/polar")]
async fn polar_payment(affitor: AffitorClient, event: PaymentEvent<Polar>) -> Result<HttpResponse, Redeliver> {
    event.track(&affitor).await?;
    Ok(HttpResponse::Ok().finish())
}

#[post("/webhooks/lemon-squeezy")]
async fn lemon_squeezy_payment(
    affitor: AffitorClient,
    event: PaymentEvent<LemonSqueezy>,
) -> Result<HttpResponse, Redeliver> {
    event.track(&affitor).await?;
    Ok(HttpResponse::Ok().finish())
}

#[post("/webhooks/paddle")]
async fn paddle_payment(affitor: AffitorClient, event: PaymentEvent<Paddle>) -> Result<HttpResponse, Redeliver> {
    event.track(&affitor).await?;
    Ok(HttpResponse::Ok().finish())
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let stripe_webhook = Webhook::<Stripe>::from_env_or_disabled()?;
    let polar_webhook = Webhook::<Polar>::from_env_or_disabled()?;
    let lemon_squeezy_webhook = Webhook::<LemonSqueezy>::from_env_or_disabled()?;
    let paddle_webhook = Webhook::<Paddle>::from_env_or_disabled()?;
    let _ = actix_web::HttpServer::new(move || {
        actix_web::App::new().app_data(stripe_webhook.clone()).service(stripe_payment)
    });
    let _ = actix_web::HttpServer::new(move || {
        actix_web::App::new().app_data(polar_webhook.clone()).service(polar_payment)
    });
    let _ = actix_web::HttpServer::new(move || {
        actix_web::App::new().app_data(lemon_squeezy_webhook.clone()).service(lemon_squeezy_payment)
    });
    let _ = actix_web::HttpServer::new(move || {
        actix_web::App::new().app_data(paddle_webhook.clone()).service(paddle_payment)
    });
    Ok(())
}
