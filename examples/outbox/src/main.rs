//! Serves the shop on port 3002 and delivers the events in its outbox. Reads the variables of `Client::from_env`, and
//! `DATABASE_URL` (default: `sqlite://shop.sqlite3`).

use std::{env, str::FromStr, time::Duration};

use affitor_axum::{Client, shutdown_signal};
use affitor_outbox::{
    affitor::ClientBuilder,
    sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use outbox::{Shop, app};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    tracing_subscriber::fmt().init();
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://shop.sqlite3".to_owned());
    let options = SqliteConnectOptions::from_str(&url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(5));
    let shop = Shop::open(SqlitePoolOptions::new().connect_with(options).await?).await?;
    let outbox = shop.outbox.clone();
    let worker = outbox.worker(ClientBuilder::from_env()).start().await?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3002").await?;
    axum::serve(listener, app(shop, Client::from_env()?)).with_graceful_shutdown(shutdown_signal()).await?;
    worker.shutdown().await?;
    println!("{:?}", outbox.stats().await?);
    Ok(())
}
