//! Serves the sign-up app on port 3000. Reads `AFFITOR_API_KEY`, `AFFITOR_API_URL` and `AFFITOR_PROGRAM_ID`.

use std::time::Duration;

use affitor_axum::{Client, capture::ClickCapture, shutdown_signal, until_shutdown};
use signup::app;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let client = Client::from_env()?;
    // On a real site: `.domain("shop.example")`, `.consent(…)`, and `.origin("https://www.shop.example")` behind a proxy.
    let capture = ClickCapture::builder(client.clone()).host_only().without_consent_check().build()?;
    let app = app(client.clone(), Some(capture));

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3000)).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());
    // Delivers what was enqueued, after Ctrl-C or SIGTERM.
    let stats = until_shutdown(server, &client, Duration::from_secs(8)).await?;
    tracing::info!(?stats, "the app has ended");
    Ok(())
}
