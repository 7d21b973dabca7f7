//! What the rejection says depends on the whole process, so this test has one of its own.

use affitor_axum::{AffitorClient, AffitorLayer, Client};
use axum_core::extract::FromRequestParts as _;

async fn rejection() -> String {
    let (mut parts, ()) = axum::http::Request::new(()).into_parts();
    AffitorClient::from_request_parts(&mut parts, &()).await.unwrap_err().body_text()
}

#[tokio::test]
async fn the_rejection_tells_whether_the_app_has_a_layer() {
    let without = rejection().await;
    assert!(without.contains("add `.layer(AffitorLayer::new(client))`"), "{without}");
    let _elsewhere = AffitorLayer::new(Client::disabled());
    let elsewhere = rejection().await;
    assert!(elsewhere.contains("although the app has one: `.layer(…)`"), "{elsewhere}");
}
