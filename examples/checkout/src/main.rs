//! Serves the checkout app on port 3001.
//!
//! Reads the variables of `Client::from_env`, `STRIPE_SECRET_KEY` and `STRIPE_WEBHOOK_SECRET`, and optionally
//! `STRIPE_API_URL`. The real services require TLS: `cargo run -p checkout --features ring`. `cargo run -p demo` runs the app
//! with stand-ins for both services and needs no variables.

use std::env;

use actix_web::{App, HttpServer, web};
use affitor_actix::{
    AffitorLayer, Client,
    payments::{Stripe, Webhook},
    reqwest,
};
use checkout::{Shop, routes};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let client = Client::from_env()?;
    let webhook = Webhook::<Stripe>::from_env()?;
    let shop = web::Data::new(Shop {
        stripe_url: env::var("STRIPE_API_URL").as_deref().unwrap_or("https://api.stripe.com").parse()?,
        stripe_key: variable("STRIPE_SECRET_KEY")?,
        http: reqwest::Client::new(),
    });
    HttpServer::new(move || {
        App::new()
            .wrap(AffitorLayer::new(client.clone()))
            .app_data(webhook.clone())
            .app_data(shop.clone())
            .configure(routes)
    })
    .bind(("127.0.0.1", 3001))?
    .run()
    .await?;
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
}
