//! Serves the shop on port 3001, and delivers what its ledger enqueues.
//!
//! Reads the variables of `Client::from_env`, `STRIPE_SECRET_KEY` and `STRIPE_WEBHOOK_SECRET`, and optionally `STRIPE_API_URL` and
//! `DATABASE_URL` (default: `sqlite://shop.sqlite3`). The real services require TLS: `cargo run -p payments --features rustls`.
//! Look at the result with `affitor payments list --database-url sqlite://shop.sqlite3`.

use std::{env, str::FromStr, time::Duration};

use affitor_axum::{Client, payments::Webhook, reqwest, shutdown_signal};
use affitor_outbox::{
    affitor::ClientBuilder,
    sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use payments::{Shop, app, open};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    tracing_subscriber::fmt().init();
    let client = Client::from_env()?;
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://shop.sqlite3".to_owned());
    let options = SqliteConnectOptions::from_str(&url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(5));
    let outbox = open(SqlitePoolOptions::new().connect_with(options).await?, client.program_id()).await?;
    let worker = outbox.worker(ClientBuilder::from_env()).start().await?;
    let shop = Shop {
        outbox,
        stripe_url: env::var("STRIPE_API_URL").as_deref().unwrap_or("https://api.stripe.com").parse()?,
        stripe_key: variable("STRIPE_SECRET_KEY")?,
        stripe_webhook: Webhook::new(variable("STRIPE_WEBHOOK_SECRET")?)?,
        http: reqwest::Client::new(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3001").await?;
    axum::serve(listener, app(shop, client)).with_graceful_shutdown(shutdown_signal()).await?;
    worker.shutdown().await?;
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
}
