//! The helpers of `test_util`, in an app without a socket.

use std::time::SystemTime;

use affitor_axum::{
    AffitorClient, AffitorLayer, Client, Currency, Lead, PaymentEvent, Redeliver,
    payments::{Polar, Stripe, StripeReporter, Webhook},
    test_util::{RecordingSink, RequestBuilderExt as _, SignedWebhook, TestPayment, click_id},
};
use axum::{
    Router,
    body::Body,
    extract::{FromRef, Request},
    http::StatusCode,
    routing::post,
};
use tower::ServiceExt as _;

async fn sign_up(affitor: AffitorClient) -> StatusCode {
    affitor.enqueue(Lead::new("user_7").email("jo@example.com"));
    StatusCode::CREATED
}

async fn stripe(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<(), Redeliver> {
    event.track(&affitor).await?;
    Ok(())
}

async fn polar(affitor: AffitorClient, event: PaymentEvent<Polar>) -> Result<(), Redeliver> {
    event.enqueue(&affitor).await?;
    Ok(())
}

#[derive(Clone)]
struct Webhooks {
    stripe: Webhook<Stripe>,
    polar: Webhook<Polar>,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            stripe: Webhook::disabled().or_secret("whsec_0123456789").unwrap(),
            polar: Webhook::disabled().or_secret("0123456789").unwrap(),
        }
    }
}

impl FromRef<Webhooks> for Webhook<Stripe> {
    fn from_ref(state: &Webhooks) -> Self {
        state.stripe.clone()
    }
}

impl FromRef<Webhooks> for Webhook<Polar> {
    fn from_ref(state: &Webhooks) -> Self {
        state.polar.clone()
    }
}

fn app(client: Client, webhooks: &Webhooks) -> Router {
    Router::new()
        .route("/signup", post(sign_up))
        .route("/webhooks/stripe", post(stripe))
        .route("/webhooks/polar", post(polar))
        .with_state(webhooks.clone())
        .layer(AffitorLayer::new(client))
}

async fn deliver(app: &Router, path: &str, signed: SignedWebhook) -> StatusCode {
    let request: Request = Request::post(path).signed_webhook(signed).unwrap();
    app.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn a_sign_up_with_a_click_id() {
    let sink = RecordingSink::new();
    let app = app(sink.client(), &Webhooks::default());
    for (number, header) in [false, true].into_iter().enumerate() {
        let id = click_id();
        let request = Request::post("/signup");
        let request = if header { request.click_id_header(&id) } else { request.click_id(&id) };
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(sink.assert_lead("user_7").click_id, Some(id), "{number}");
        sink.clear();
    }
}

#[tokio::test]
async fn a_subscription_from_the_first_payment_to_a_refund() {
    let (sink, webhooks) = (RecordingSink::new(), Webhooks::default());
    let app = app(sink.client(), &webhooks);
    let mut payment = TestPayment::<Stripe>::subscription(4_900, Currency::USD).customer_key("user_7");
    let first = payment.ids().transaction_id;
    let deliveries = [payment.paid(), payment.paid(), payment.renewed(), payment.refunded_in_full()].concat();
    for delivery in deliveries {
        let signed = delivery.sign(&webhooks.stripe, SystemTime::now());
        assert_eq!(deliver(&app, "/webhooks/stripe", signed).await, StatusCode::OK, "{delivery:?}");
    }
    assert!(!sink.assert_sale(first).is_recurring);
    assert!(sink.assert_sale(payment.ids().transaction_id).is_recurring);
    assert_eq!(sink.assert_refund(payment.ids().transaction_id).refund_amount_cents, None);
    assert_eq!(sink.events().len(), 3);
}

#[tokio::test]
async fn payments_that_are_enqueued() {
    let (sink, webhooks) = (RecordingSink::new(), Webhooks::default());
    let app = app(sink.client(), &webhooks);
    let payment = TestPayment::<Polar>::new(4_900, Currency::EUR).customer_key("user_7");
    for delivery in payment.paid() {
        let signed = delivery.sign(&webhooks.polar, SystemTime::now());
        assert_eq!(deliver(&app, "/webhooks/polar", signed).await, StatusCode::OK, "{delivery:?}");
    }
    assert_eq!(sink.assert_sale(payment.ids().transaction_id).customer_key.as_deref(), Some("user_7"));
}

#[tokio::test]
async fn another_secret_is_rejected() {
    let (sink, webhooks) = (RecordingSink::new(), Webhooks::default());
    let app = app(sink.client(), &webhooks);
    let other = Webhook::<Stripe>::new("whsec_another", StripeReporter::App).unwrap();
    for delivery in TestPayment::<Stripe>::new(4_900, Currency::USD).paid() {
        let signed = delivery.sign(&other, SystemTime::now());
        assert_eq!(deliver(&app, "/webhooks/stripe", signed).await, StatusCode::BAD_REQUEST);
    }
    sink.assert_nothing();
}
