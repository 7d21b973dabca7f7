//! Serves the app on actix-web on port 3001, or that in `PORT`. Reads the variables of `Client::from_env_or_disabled` and of
//! `Webhook::<Stripe>::from_env_or_disabled`, `STRIPE_SECRET_KEY`, and optionally `STRIPE_API_URL` and `SESSION_KEY`.

use std::{env, sync::Arc, time::Duration};

use actix_web::{App, HttpServer};
use affitor_actix::{AffitorLayer, Client, payments::Webhook};
use checkout::{Shop, actix::configure, orders::Orders, stripe};
use session::Sessions;
use tracing_subscriber::EnvFilter;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::try_from_default_env().unwrap_or("info".into())).init();
    // All of them once, outside the factory.
    let client = Client::from_env_or_disabled()?;
    let layer = AffitorLayer::new(client.clone());
    let shop = Shop {
        sessions: Sessions::from_env()?,
        stripe: Arc::new(stripe::Api::from_env()?),
        webhook: Webhook::from_env_or_disabled()?,
        orders: Arc::new(Orders::default()),
    };
    let app = move || App::new().wrap(layer.clone()).configure(configure(shop.clone()));
    let port = env::var("PORT").as_deref().unwrap_or("3001").parse::<u16>()?;
    // Ends on Ctrl-C and SIGTERM, after the payments that are being reported.
    HttpServer::new(app).shutdown_timeout(8).bind(("127.0.0.1", port))?.run().await?;
    client.shutdown(Duration::from_secs(8)).await;
    Ok(())
}
