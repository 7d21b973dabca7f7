//! Serves the sign-up app on port 3000. Reads `AFFITOR_API_KEY`, `AFFITOR_API_URL` and `AFFITOR_PROGRAM_ID`.

use std::time::Duration;

use affitor_axum::{Client, capture::ClickCapture, queue::Queue};
use signup::app;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let client = Client::from_env()?;
    let queue = Queue::start(client.clone())?;
    // On a real site: `.domain("shop.example")`, `.consent(…)`, and `.origin("https://www.shop.example")` behind a proxy.
    let capture = ClickCapture::builder(client.clone()).host_only().without_consent_check().build()?;
    let app = app(client.with_sink(queue.clone()), Some(capture));

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3000)).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let ctrl_c = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, app).with_graceful_shutdown(ctrl_c).await?;

    // The server has stopped: deliver what is still in the queue.
    let stats = queue.shutdown(Duration::from_secs(10)).await;
    tracing::info!(?stats, "the queue is shut down");
    Ok(())
}
