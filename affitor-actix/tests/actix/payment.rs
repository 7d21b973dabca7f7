//! The extractor for payment webhooks, and its errors.

use std::{error::Error as _, time::SystemTime};

use actix_web::{
    App, FromRequest as _, HttpResponse, ResponseError as _,
    body::to_bytes,
    http::StatusCode,
    post,
    test::{TestRequest, call_service, init_service},
    web,
};
use affitor_actix::{
    AffitorClient, AffitorLayer, Client, PaymentEvent, PaymentRejection, Redeliver,
    payments::{Stripe, VerifyError, Webhook, WebhookRejection},
};

const SALE: &[u8] = br#"{"id":"evt_1","type":"checkout.session.completed","created":1790000000,"livemode":true,
    "data":{"object":{"id":"cs_1","mode":"payment","payment_status":"paid","payment_intent":"pi_1","amount_total":4900,
    "currency":"usd","metadata":{"affitor_customer_key":"user_7"}}}}"#;

fn webhook() -> Webhook<Stripe> {
    Webhook::disabled().or_secret("whsec_0123456789").unwrap().body_limit(1_000)
}

fn signed(body: &[u8]) -> TestRequest {
    let mut request = TestRequest::post().uri("/webhooks/stripe").set_payload(body.to_vec());
    for header in webhook().sign("msg_1", body, SystemTime::now()) {
        request = request.insert_header(header);
    }
    request
}

async fn extract(request: TestRequest) -> Result<PaymentEvent<Stripe>, PaymentRejection> {
    let (request, mut payload) = request.app_data(webhook()).to_http_parts();
    PaymentEvent::from_request(&request, &mut payload).await
}

async fn text(response: HttpResponse) -> (StatusCode, String) {
    let status = response.status();
    let body = to_bytes(response.into_body()).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[actix_web::test]
async fn a_signed_webhook_is_extracted() {
    let event = extract(signed(SALE)).await.unwrap();
    assert_eq!(event.kind(), "checkout.session.completed"); // by Deref
    assert_eq!(event.clone().into_inner().id().as_deref(), Some("evt_1"));
    let (request, mut payload) = signed(SALE).app_data(web::Data::new(webhook())).to_http_parts();
    assert!(PaymentEvent::<Stripe>::from_request(&request, &mut payload).await.is_ok(), "in web::Data");
}

#[actix_web::test]
async fn rejections_have_status_body_and_source() {
    let missing = webhook().check_signed(|_| None).unwrap_err();
    for (name, request, status, reason) in [
        ("unsigned", TestRequest::post().set_payload(SALE), 400, WebhookRejection::Unverified(missing)),
        ("forged", signed(SALE).set_payload("{}"), 400, WebhookRejection::Unverified(VerifyError::WrongSignature)),
        ("not JSON", signed(b"[]"), 400, WebhookRejection::Unverified(VerifyError::NotJson)),
        ("too large", signed(&[b' '; 1_001]), 413, WebhookRejection::TooLarge),
        ("declared too large", signed(SALE).insert_header(("content-length", 1_001)), 413, WebhookRejection::TooLarge),
        ("cut off", signed(SALE).insert_header(("content-length", 999)), 400, WebhookRejection::Incomplete),
    ] {
        check(name, extract(request).await.unwrap_err(), status, reason).await;
    }
    let (request, mut payload) = signed(SALE).to_http_parts();
    let rejection = PaymentEvent::<Stripe>::from_request(&request, &mut payload).await.unwrap_err();
    assert!(rejection.body_text().contains("Webhook<Stripe>") && rejection.body_text().contains(".app_data("));
    let reason = rejection.clone().into_inner();
    assert!(matches!(reason, WebhookRejection::MissingWebhook { provider: "Stripe", .. }));
    check("no webhook in app_data", rejection, 500, reason).await;
}

async fn check(name: &str, rejection: PaymentRejection, status: u16, reason: WebhookRejection) {
    assert_eq!(rejection.status().as_u16(), status, "{name}");
    assert_eq!(rejection.status_code(), rejection.status(), "{name}");
    assert_eq!(*rejection, reason, "{name}");
    assert_eq!(rejection.body_text(), rejection.to_string(), "{name}");
    assert_eq!(rejection.source().is_some(), matches!(reason, WebhookRejection::Unverified(_)), "{name}");
    assert_eq!(text(rejection.error_response()).await, (rejection.status(), rejection.body_text()), "{name}");
    assert_eq!(rejection.into_inner(), reason, "{name}");
}

/// `event.enqueue` without a queue asks for redelivery: the response has status 503, and `?` converts the error.
#[actix_web::test]
async fn redelivery_has_status_body_and_source() {
    #[post("/webhooks/stripe")]
    async fn payment(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<&'static str, Redeliver> {
        event.enqueue(&affitor).await?;
        Ok("")
    }
    let client = || Client::builder().api_key("aff_0123456789").api_url("http://127.0.0.1:9").build().unwrap();
    let app = App::new().wrap(AffitorLayer::new(client())).app_data(webhook()).service(payment);
    let response = call_service(&init_service(app).await, signed(SALE).to_request()).await;

    let event = extract(signed(SALE)).await.unwrap();
    let error = event.enqueue(&client()).await.unwrap_err();
    assert!(error.is_not_enqueued() && error.source().is_none(), "{error}");
    let redeliver = Redeliver::from(error);
    assert_eq!(redeliver.status_code(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.status(), redeliver.status());
    assert_eq!(to_bytes(response.into_body()).await.unwrap(), redeliver.body_text());
    assert_eq!(text(redeliver.error_response()).await, (redeliver.status(), redeliver.body_text()));
    assert!(redeliver.to_string().contains("Client::with_sink"));
    assert!(redeliver.into_inner().is_not_enqueued());
}
