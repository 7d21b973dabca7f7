//! What the error says depends on the whole process, so this test has one of its own.

use actix_web::{FromRequest as _, test::TestRequest};
use affitor_actix::{AffitorClient, AffitorLayer, Client};

async fn error() -> String {
    AffitorClient::extract(&TestRequest::default().to_http_request()).await.unwrap_err().body_text()
}

#[actix_web::test]
async fn the_error_tells_whether_the_app_has_a_middleware() {
    let without = error().await;
    assert!(without.contains("add `.wrap(AffitorLayer::new(client))`"), "{without}");
    let _elsewhere = AffitorLayer::new(Client::disabled());
    let elsewhere = error().await;
    assert!(elsewhere.contains("although the app has one: `.wrap(…)`"), "{elsewhere}");
}
