//! Serves the app on axum on port 3001, or that in `PORT`. Reads the variables of `Client::from_env_or_disabled` and of
//! `Webhook::<Stripe>::from_env_or_disabled`, `STRIPE_SECRET_KEY`, and optionally `STRIPE_API_URL` and `SESSION_KEY`.

use std::{env, sync::Arc, time::Duration};

use affitor_axum::{Client, payments::Webhook, shutdown_signal, until_shutdown};
use checkout::{Shop, axum::app, orders::Orders, stripe};
use session::Sessions;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::try_from_default_env().unwrap_or("info".into())).init();
    let client = Client::from_env_or_disabled()?;
    let shop = Shop {
        sessions: Sessions::from_env()?,
        stripe: Arc::new(stripe::Api::from_env()?),
        webhook: Webhook::from_env_or_disabled()?,
        orders: Arc::new(Orders::default()),
    };
    let port = env::var("PORT").as_deref().unwrap_or("3001").parse::<u16>()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let server = axum::serve(listener, app(client.clone(), shop)).with_graceful_shutdown(shutdown_signal());
    // After Ctrl-C or SIGTERM, payments that are being reported are finished.
    until_shutdown(server, &client, Duration::from_secs(8)).await?;
    Ok(())
}
