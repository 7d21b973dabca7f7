//! Serves the sign-up app on port 3000, with `AFFITOR_API_KEY`, `AFFITOR_API_URL` and `AFFITOR_PROGRAM_ID`.

use std::env;

use affitor_axum::Client;
use signup::{Tracker, app};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let tracker = Tracker {
        api_url: env::var("AFFITOR_API_URL").unwrap_or_else(|_| "https://api.affitor.com".to_owned()),
        program_id: env::var("AFFITOR_PROGRAM_ID").unwrap_or_default(),
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3000)).await?;
    tracing::info!("http://{}", listener.local_addr()?);
    axum::serve(listener, app(Client::from_env()?, tracker)).await?;
    Ok(())
}
