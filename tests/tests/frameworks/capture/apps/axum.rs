//! The app in axum, with the layer around the router.

use std::sync::Arc;

use affitor_axum::{AffitorClient, AffitorLayer, ClickCaptureLayer, Client, capture::ClickCapture};
use affitor_sandbox::Sandbox;
use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::net::TcpListener;

use super::{Server, special};

pub(crate) async fn start(client: Client, capture: ClickCapture, sandbox: Arc<Sandbox>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let nested = Router::new().route("/page", get(page)).layer(AffitorLayer::new(client.clone()));
    let nested = nested.layer(ClickCaptureLayer::new(capture.clone()));
    let twice = Router::new().route("/page", get(page)).layer(ClickCaptureLayer::new(capture.clone()));
    let outer = Router::new()
        .route("/never", get(std::future::pending::<String>))
        .route("/waits", get(waits))
        .route("/error", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .nest("/twice", twice)
        .fallback(page)
        .with_state(sandbox)
        .layer(AffitorLayer::new(client))
        .layer(ClickCaptureLayer::new(capture));
    let app = Router::new().nest("/nested", nested).merge(outer);
    let task = tokio::spawn(async move { axum::serve(listener, app).await });
    Server { address, stop: Some(Box::new(move || task.abort())) }
}

/// Responds when the service has the click.
async fn waits(State(sandbox): State<Arc<Sandbox>>) -> &'static str {
    sandbox.wait_for(|snapshot| snapshot.clicks.len() == 1).await.unwrap();
    "has waited"
}

async fn page(affitor: AffitorClient, request: Request) -> Response {
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
    if path.ends_with("-later") {
        tokio::task::yield_now().await;
    }
    let click_id = affitor.click_id().map_or("none", |id| id.as_str());
    let has_tag = !affitor.script_tag().is_empty();
    let (status, headers) = special(&path, &query);
    let mut response = format!("click {click_id}, tag {has_tag}").into_response();
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}
