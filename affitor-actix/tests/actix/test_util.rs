//! The helpers of `test_util`, in an app without a socket.

use std::time::SystemTime;

use actix_web::{
    App, HttpResponse,
    cookie::Cookie,
    http::StatusCode,
    test::{TestRequest, call_service, init_service},
    web,
};
use affitor_actix::{
    AffitorClient, AffitorLayer, Currency, Lead, PaymentEvent, Redeliver,
    payments::{Paddle, Webhook},
    test_util::{RecordingSink, TestPayment, TestRequestExt as _, click_id},
};

async fn sign_up(affitor: AffitorClient) -> HttpResponse {
    affitor.enqueue(Lead::new("user_7").email("jo@example.com"));
    HttpResponse::Created().finish()
}

async fn paddle(affitor: AffitorClient, event: PaymentEvent<Paddle>) -> Result<HttpResponse, Redeliver> {
    event.track(&affitor).await?;
    Ok(HttpResponse::Ok().finish())
}

fn webhook() -> Webhook<Paddle> {
    Webhook::<Paddle>::new("pdl_ntfset_0123456789").unwrap()
}

/// The app under test. A macro, because its type has no name.
macro_rules! app {
    ($client:expr) => {
        init_service(
            App::new()
                .app_data(web::Data::new(webhook()))
                .wrap(AffitorLayer::new($client))
                .route("/signup", web::post().to(sign_up))
                .route("/webhooks/paddle", web::post().to(paddle)),
        )
        .await
    };
}

#[actix_web::test]
async fn a_sign_up_with_a_click_id() {
    let sink = RecordingSink::new();
    let app = app!(sink.client());
    let requests: [fn(TestRequest, &str) -> TestRequest; 3] = [
        |request, id| request.click_id(id),
        |request, id| request.click_id_header(id),
        // The cookies of a session stay, whatever the order is.
        |request, id| request.cookie(Cookie::new("a", "1")).click_id(id).cookie(Cookie::new("b", "2")),
    ];
    for request in requests {
        let id = click_id();
        let request = request(TestRequest::post().uri("/signup"), id.as_str()).to_request();
        assert_eq!(call_service(&app, request).await.status(), StatusCode::CREATED);
        assert_eq!(sink.assert_lead("user_7").click_id, Some(id));
        sink.clear();
    }
}

#[actix_web::test]
#[should_panic(expected = "a layer would ignore this click id")]
async fn a_click_id_that_a_layer_would_ignore_fails_the_test() {
    let _ = TestRequest::post().click_id("cust 42");
}

#[actix_web::test]
async fn a_subscription_from_the_first_payment_to_a_refund() {
    let sink = RecordingSink::new();
    let app = app!(sink.client());
    let mut payment = TestPayment::<Paddle>::subscription(4_900, Currency::USD).customer_key("user_7");
    let first = payment.ids().transaction_id;
    for delivery in [payment.paid(), payment.paid(), payment.renewed(), payment.refunded(1_500)].concat() {
        let signed = delivery.sign(&webhook(), SystemTime::now());
        let request = TestRequest::post().uri("/webhooks/paddle").signed_webhook(signed).to_request();
        assert_eq!(call_service(&app, request).await.status(), StatusCode::OK, "{delivery:?}");
    }
    assert!(!sink.assert_sale(first).is_recurring);
    assert!(sink.assert_sale(payment.ids().transaction_id).is_recurring);
    assert_eq!(sink.assert_refund(payment.ids().transaction_id).refund_amount_cents, Some(1_500));
    assert_eq!(sink.events().len(), 3);
}

#[actix_web::test]
async fn another_secret_is_rejected() {
    let sink = RecordingSink::new();
    let app = app!(sink.client());
    let other = Webhook::<Paddle>::new("pdl_ntfset_another").unwrap();
    for delivery in TestPayment::<Paddle>::new(4_900, Currency::USD).paid() {
        let signed = delivery.sign(&other, SystemTime::now());
        let request = TestRequest::post().uri("/webhooks/paddle").signed_webhook(signed).to_request();
        assert_eq!(call_service(&app, request).await.status(), StatusCode::BAD_REQUEST);
    }
    sink.assert_nothing();
}
