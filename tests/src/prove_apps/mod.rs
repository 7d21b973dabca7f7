//! A small shop in each framework, for the tests of `affitor prove`. It is correct, or has one of the mistakes that developers make.
//!
//! The binaries `prove_axum` and `prove_actix` serve it. It reads `PORT`, the variables of `Client::from_env`,
//! `STRIPE_WEBHOOK_SECRET` and `STRIPE_API_URL`. What the frameworks share is in `shop.rs`.

mod actix;
mod axum;
mod checkout;
mod fault;
mod own_reports;
mod page;
mod payments;
mod shop;
mod sign_up;
mod social;
mod users;

use std::{env, net::TcpListener, path::PathBuf};

use clap::Parser;
pub use fault::Fault;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Command-line options of the shop.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// The mistake in the shop. Without one, it is correct.
    #[arg(long, value_enum)]
    fault: Option<Fault>,
    /// Delivers events with the in-memory queue.
    #[arg(long, conflicts_with = "database")]
    queue: bool,
    /// Delivers events with an outbox in this SQLite file. The sign-up form then has a CSRF token.
    #[arg(long)]
    database: Option<PathBuf>,
    /// Captures clicks on the server.
    #[arg(long)]
    capture: bool,
    /// The URL of the service that is part of the shop's code, with the fault `points-elsewhere`.
    #[arg(long, default_value = "https://api.affitor.com")]
    service: String,
}

/// Serves the shop in axum.
///
/// # Errors
///
/// Returns an error if a variable is missing, or if the shop can't be started.
pub async fn serve_axum() -> Result<(), AnyError> {
    let (listener, shop) = start().await?;
    axum::serve(listener, shop).await
}

/// Serves the shop in actix-web.
///
/// # Errors
///
/// Returns an error if a variable is missing, or if the shop can't be started.
pub async fn serve_actix() -> Result<(), AnyError> {
    let (listener, shop) = start().await?;
    actix::serve(listener, shop).await
}

/// Opens the shop, and then its port, so that a client that can connect finds a shop. Prints the URL.
async fn start() -> Result<(TcpListener, shop::Shop), AnyError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let shop = shop::Shop::open(Options::parse()).await?;
    let listener = TcpListener::bind(("127.0.0.1", variable("PORT")?.parse()?))?;
    listener.set_nonblocking(true)?;
    println!("http://{}", listener.local_addr()?);
    Ok((listener, shop))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
}
