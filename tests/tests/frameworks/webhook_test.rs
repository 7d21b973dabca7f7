//! The test that `docs/guides/payments.md` shows. The guide shows it exactly as it is here.

use std::time::SystemTime;

use affitor_axum::{
    AffitorClient, AffitorLayer, Click, Client, Currency, Lead, LeadOutcome, PaymentEvent, Redeliver,
    payments::{Stripe, StripeReporter, Webhook},
    test_util::TestPayment,
};
use affitor_sandbox::Sandbox;
use axum::{Router, body::Body, http::Request, routing::post};
use tower::ServiceExt;

async fn payment(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<(), Redeliver> {
    event.track(&affitor).await?;
    Ok(())
}

#[tokio::test]
async fn a_paid_session_is_a_sale() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    let lead = Lead::new("user_7").click_id(click.click_id().cloned());
    assert_eq!(client.track_lead(lead).await.unwrap(), LeadOutcome::Recorded);

    let webhook = Webhook::<Stripe>::new("whsec_test", StripeReporter::App).unwrap();
    let app = Router::new()
        .route("/webhooks/stripe", post(payment))
        .layer(AffitorLayer::new(client))
        .with_state(webhook.clone());

    let payment = TestPayment::<Stripe>::new(4_900, Currency::USD).customer_key("user_7");
    for delivery in payment.paid() {
        let signed = delivery.sign(&webhook, SystemTime::now());
        let mut request = Request::post("/webhooks/stripe");
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        let response = app.clone().oneshot(request.body(Body::from(signed.body)).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
    }

    // Stripe reports one payment in several webhooks: it is one sale.
    assert_eq!(sandbox.sales().len(), 1);
    assert_eq!(sandbox.sales()[0].transaction_id, payment.ids().transaction_id);
    assert_eq!(sandbox.commissions()[0].amount_cents, 980);
}

#[test]
fn the_guide_shows_this_test() {
    let guide = include_str!("../../../docs/guides/payments.md").replace("\r\n", "\n");
    let here = include_str!("webhook_test.rs").replace("\r\n", "\n");
    let block = guide.split("```rust,ignore\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(here.contains(block), "the guide shows another version:\n{block}");
}
