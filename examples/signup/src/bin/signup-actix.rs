//! Serves the app on actix-web on port 3000, or that in `PORT`. Reads the variables of `Client::from_env_or_disabled`, and `SESSION_KEY`.

use std::{env, time::Duration};

use actix_web::{App, HttpServer};
use affitor_actix::{AffitorLayer, ClickCaptureLayer, Client, capture::ClickCapture};
use session::Sessions;
use signup::{actix::routes, consent};
use tracing_subscriber::EnvFilter;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::try_from_default_env().unwrap_or("info".into())).init();
    // All of them once, outside the factory.
    let client = Client::from_env_or_disabled()?;
    // On a real site: `.domain("shop.example")`, and `.origin("https://www.shop.example")` behind a proxy.
    let capture = ClickCapture::builder(client.clone()).host_only().consent(consent::of_request).build()?;
    let (layer, capture) = (AffitorLayer::new(client.clone()), ClickCaptureLayer::new(capture));
    let sessions = Sessions::from_env()?;

    let app = move || {
        // The last one is the outermost layer.
        App::new().wrap(layer.clone()).wrap(capture.clone()).app_data(sessions.clone()).configure(routes)
    };
    let port = env::var("PORT").as_deref().unwrap_or("3000").parse::<u16>()?;
    // Ends on Ctrl-C and SIGTERM, after the requests that have begun.
    HttpServer::new(app).shutdown_timeout(5).bind(("127.0.0.1", port))?.run().await?;
    // Delivers what was enqueued.
    let stats = client.shutdown(Duration::from_secs(8)).await;
    tracing::info!(?stats, "the app has ended");
    Ok(())
}
