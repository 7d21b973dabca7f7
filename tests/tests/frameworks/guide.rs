//! The tests that `docs/guides/testing.md` shows. The guide shows them exactly as they are here.

use affitor_axum::{
    AffitorClient, AffitorLayer, Click, Client, Currency, Lead, LeadOutcome, NotAttributed, Sale, SaleOutcome,
};
use affitor_sandbox::{ApiCall, Fault, Sandbox};
use axum::{Router, body::Body, http::Request, routing::post};
use tower::ServiceExt;

async fn sign_up(affitor: AffitorClient) {
    assert_eq!(affitor.track_lead(Lead::new("user_7")).await.unwrap(), LeadOutcome::Recorded);
}

#[tokio::test]
async fn a_sign_up_is_a_lead() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let app = Router::new().route("/signup", post(sign_up)).layer(AffitorLayer::new(client.clone()));

    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    let cookie = format!("affitor_click_id={}", click.click_id().unwrap());

    let request = Request::post("/signup").header("cookie", cookie).body(Body::empty()).unwrap();
    app.oneshot(request).await.unwrap();
    assert_eq!(sandbox.leads()[0].customer_key.as_deref(), Some("user_7"));
}

#[tokio::test]
async fn lost_responses_and_late_sales() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    let lead = Lead::new("user_7").click_id(click.click_id().cloned());
    assert_eq!(client.track_lead(lead).await.unwrap(), LeadOutcome::Recorded);
    let sale = |id: &str| Sale::new(id, 4_900, Currency::USD).customer_key("user_7");

    // The next sale is recorded, but the response is a 500. The client retries, and the service already has the sale.
    sandbox.inject(Fault::ErrorAfterWrite.times(1).on(ApiCall::Sale));
    let outcome = client.track_sale(sale("in_1")).await.unwrap();
    assert!(matches!(outcome, SaleOutcome::AlreadyRecorded { uncertain: true, .. }), "{outcome:?}");
    assert_eq!(sandbox.sales().len(), 1);

    // A permanent fault ends in an error.
    sandbox.inject(Fault::BadGateway.always().on(ApiCall::Sale));
    assert!(client.track_sale(sale("in_2")).await.unwrap_err().is_retryable());
    sandbox.clear_faults();

    // After the attribution window, no partner is paid.
    sandbox.advance_days(61);
    let outcome = client.track_sale(sale("in_3")).await.unwrap();
    assert!(matches!(outcome, SaleOutcome::NotAttributed(NotAttributed::WindowExpired { .. })), "{outcome:?}");
    assert_eq!(sandbox.sales().len(), 1);
}

#[test]
fn the_guide_shows_these_tests() {
    let guide = include_str!("../../../docs/guides/testing.md").replace("\r\n", "\n");
    let here = include_str!("guide.rs").replace("\r\n", "\n");
    let blocks: Vec<&str> =
        guide.split("```rust,ignore\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        assert!(here.contains(block), "the guide shows another version:\n{block}");
    }
}
