//! A sign-up on axum 0.7 reports its lead with the visitor's click id.

use std::time::Duration;

use affitor_sandbox::Sandbox;
use affitor_tower::affitor::{Click, Client};
use axum::{body::Body, http::Request};
use axum_07::app;
use tower::ServiceExt as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_with_its_click() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    let cookie = format!("affitor_click_id={}", click.click_id().unwrap());
    let request = Request::post("/signup").header("cookie", cookie).body(Body::empty()).unwrap();
    assert_eq!(app(client.clone()).oneshot(request).await.unwrap().status(), 200);
    assert_eq!(client.flush(Duration::from_secs(20)).await, 0);
    assert_eq!(sandbox.leads()[0].customer_key.as_deref(), Some("user_7"));

    // Without the layer, the response says so.
    let bare = axum::Router::<()>::new().route("/", axum::routing::get(async |_: axum_07::AffitorClient| ""));
    let response = bare.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 500);
}
