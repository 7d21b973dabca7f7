//! A sign-up function on AWS Lambda. Lambda freezes a function as soon as its response is sent, so what is still in a queue would
//! wait for the next request, or be lost. A middleware flushes the queue first.

use std::time::Duration;

use affitor_axum::{AffitorClient, AffitorLayer, Client, Lead};
use axum::{
    Json, Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::post,
};
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

/// How long a response may wait for the service. What is not delivered by then is delivered with the next request.
const FLUSH: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::try_from_default_env().unwrap_or("info".into())).init();
    let client = Client::from_env()?;
    let app = Router::new()
        .route("/users", post(sign_up))
        .layer(AffitorLayer::new(client.clone()))
        .layer(from_fn_with_state(client, flush));
    lambda_http::run(app).await
}

#[derive(Deserialize)]
struct SignUp {
    id: String,
}

async fn sign_up(affitor: AffitorClient, Json(form): Json<SignUp>) -> String {
    affitor.enqueue(Lead::new(&form.id));
    form.id
}

/// Waits for the events of a request before its response is sent.
async fn flush(State(client): State<Client>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let left = client.flush(FLUSH).await;
    if left > 0 {
        eprintln!("{left} events are delivered later");
    }
    response
}
