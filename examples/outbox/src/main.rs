//! Serves the shop on port 3002, or that in `PORT`, and delivers the events in its outbox. Reads the variables of `Client::from_env`,
//! `SESSION_KEY` and `DATABASE_URL` (default: `sqlite://shop.sqlite3`). Without an API key, Affitor is off.

use std::{env, str::FromStr, time::Duration};

use affitor_axum::{Client, shutdown_signal, until_shutdown};
use affitor_outbox::{
    Outbox,
    sqlx::{
        SqlitePool,
        sqlite::{SqliteConnectOptions, SqliteJournalMode},
    },
};
use outbox::{Shop, app};
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
    let delivery = Outbox::sqlite(pool.clone()).start(Client::from_env_or_disabled()?).await?;
    let shop = Shop::open(pool, delivery.outbox().clone(), delivery.client(), Sessions::from_env()?).await?;

    let port = env::var("PORT").as_deref().unwrap_or("3002").parse::<u16>()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let app = app(shop, delivery.client().clone());
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());
    until_shutdown(server, delivery.client(), Duration::from_secs(8)).await?;
    Ok(())
}
