//! Serves the shop on port 3001, or that in `PORT`, and delivers what its ledger enqueues.
//!
//! Reads `STRIPE_SECRET_KEY`, and optionally the variables of `Client::from_env`, `STRIPE_WEBHOOK_SECRET`, `AFFITOR_STRIPE_REPORTER`,
//! `STRIPE_API_URL`, `SESSION_KEY` and `DATABASE_URL` (default: `sqlite://shop.sqlite3`). Without an API key, Affitor is off. The real
//! services require TLS: `cargo run -p payments --features ring`.
//! Look at the result with `affitor payments list --database-url sqlite://shop.sqlite3`.

use std::{env, str::FromStr, sync::Arc, time::Duration};

use affitor_axum::{Client, payments::Webhook, shutdown_signal, until_shutdown};
use affitor_outbox::{
    Outbox,
    sqlx::{
        SqlitePool,
        sqlite::{SqliteConnectOptions, SqliteJournalMode},
    },
};
use checkout::stripe::Api;
use payments::{Shop, app, create_tables};
use session::Sessions;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::try_from_default_env().unwrap_or("info".into())).init();
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://shop.sqlite3".to_owned());
    let options = SqliteConnectOptions::from_str(&url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(5));
    let pool = SqlitePool::connect_with(options).await?;
    create_tables(&pool).await?;
    let delivery = Outbox::sqlite(pool).start(Client::from_env_or_disabled()?).await?;
    let shop = Shop {
        outbox: delivery.outbox().clone(),
        stripe: Arc::new(Api::from_env()?),
        webhook: Webhook::from_env_or_disabled()?,
        sessions: Sessions::from_env()?,
    };
    let port = env::var("PORT").as_deref().unwrap_or("3001").parse::<u16>()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let app = app(shop, delivery.client().clone());
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());
    until_shutdown(server, delivery.client(), Duration::from_secs(8)).await?;
    Ok(())
}
