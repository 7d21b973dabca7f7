//! The test that `docs/payments.md` shows. The guide shows it exactly as it is here.

use std::time::SystemTime;

use affitor_axum::{
    AffitorClient, AffitorLayer, Click, Client, Lead, LeadOutcome, PaymentEvent, Redeliver,
    payments::{Stripe, StripeReporter, Webhook},
};
use affitor_sandbox::Sandbox;
use axum::{Router, body::Body, http::Request, routing::post};
use serde_json::json;
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

    let now = SystemTime::now();
    let created = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let body = json!({ "id": "evt_1", "type": "checkout.session.completed", "created": created, "livemode": true,
        "data": { "object": { "id": "cs_1", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_1",
        "amount_total": 4_900, "currency": "usd", "metadata": { "affitor_customer_key": "user_7" } } } })
    .to_string();
    let mut request = Request::post("/webhooks/stripe");
    for (name, value) in webhook.sign("evt_1", body.as_bytes(), now) {
        request = request.header(name, value);
    }
    let response = app.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();

    assert_eq!(response.status(), 200);
    assert_eq!(sandbox.sales()[0].transaction_id, "pi_1");
    assert_eq!(sandbox.commissions()[0].amount_cents, 980);
}

#[test]
fn the_guide_shows_this_test() {
    let guide = include_str!("../../../docs/payments.md").replace("\r\n", "\n");
    let here = include_str!("webhook_test.rs").replace("\r\n", "\n");
    let block = guide.split("```rust,ignore\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(here.contains(block), "the guide shows another version:\n{block}");
}
