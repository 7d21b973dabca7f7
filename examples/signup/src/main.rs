//! Serves the app on axum on port 3000, or that in `PORT`. Reads the variables of `Client::from_env_or_disabled`, and `SESSION_KEY`.

use std::{env, time::Duration};

use affitor_axum::{Client, capture::ClickCapture, shutdown_signal, until_shutdown};
use session::Sessions;
use signup::{axum::app, consent};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::try_from_default_env().unwrap_or("info".into())).init();
    let client = Client::from_env_or_disabled()?;
    // On a real site: `.domain("shop.example")`, and `.origin("https://www.shop.example")` behind a proxy.
    let capture = ClickCapture::builder(client.clone()).host_only().consent(consent::of_request).build()?;
    let app = app(client.clone(), Some(capture), Sessions::from_env()?);

    let port = env::var("PORT").as_deref().unwrap_or("3000").parse::<u16>()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());
    // Delivers what was enqueued, after Ctrl-C or SIGTERM.
    let stats = until_shutdown(server, &client, Duration::from_secs(8)).await?;
    tracing::info!(?stats, "the app has ended");
    Ok(())
}
