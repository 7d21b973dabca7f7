//! The extractor for payment webhooks, and its rejections.

use std::{error::Error as _, time::SystemTime};

use affitor_axum::{
    AffitorClient, AffitorLayer, Client, PaymentEvent, PaymentRejection, Redeliver,
    payments::{PaymentError, Stripe, VerifyError, Webhook, WebhookRejection},
};
use axum::{
    Router,
    body::Body,
    extract::{FromRequest as _, Request},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

const SALE: &[u8] = br#"{"id":"evt_1","type":"checkout.session.completed","created":1790000000,"livemode":true,
    "data":{"object":{"id":"cs_1","mode":"payment","payment_status":"paid","payment_intent":"pi_1","amount_total":4900,
    "currency":"usd","metadata":{"affitor_customer_key":"user_7"}}}}"#;

fn webhook() -> Webhook<Stripe> {
    Webhook::disabled().or_secret("whsec_0123456789").unwrap().body_limit(1_000)
}

fn signed(body: &[u8]) -> Request {
    let mut request = Request::post("/webhooks/stripe");
    for (name, value) in webhook().sign("msg_1", body, SystemTime::now()) {
        request = request.header(name, value);
    }
    request.body(Body::from(body.to_vec())).unwrap()
}

async fn extract(request: Request) -> Result<PaymentEvent<Stripe>, PaymentRejection> {
    PaymentEvent::from_request(request, &webhook()).await
}

async fn text(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_signed_webhook_is_extracted() {
    let event = extract(signed(SALE)).await.unwrap();
    assert_eq!(event.kind(), "checkout.session.completed"); // by Deref
    assert_eq!(event.clone().into_inner().id().as_deref(), Some("evt_1"));
}

#[tokio::test]
async fn rejections_have_status_body_and_source() {
    let missing = webhook().check_signed(|_| None).unwrap_err();
    let unsigned = Request::post("/").body(Body::from(SALE)).unwrap();
    let forged = {
        let mut request = signed(SALE);
        *request.body_mut() = Body::from("{}");
        request
    };
    let declared_too_large = {
        let mut request = signed(SALE);
        request.headers_mut().insert("content-length", "1001".parse().unwrap());
        request
    };
    let cut_off = {
        let mut request = signed(SALE);
        request.headers_mut().insert("content-length", "999".parse().unwrap());
        request
    };
    for (name, request, status, reason) in [
        ("unsigned", unsigned, 400, WebhookRejection::Unverified(missing)),
        ("forged", forged, 400, WebhookRejection::Unverified(VerifyError::WrongSignature)),
        ("not JSON", signed(b"[]"), 400, WebhookRejection::Unverified(VerifyError::NotJson)),
        ("too large", signed(&[b' '; 1_001]), 413, WebhookRejection::TooLarge),
        ("declared too large", declared_too_large, 413, WebhookRejection::TooLarge),
        ("cut off", cut_off, 400, WebhookRejection::Incomplete),
    ] {
        let rejection = extract(request).await.unwrap_err();
        assert_eq!(rejection.status().as_u16(), status, "{name}");
        assert_eq!(*rejection, reason, "{name}");
        assert_eq!(rejection.body_text(), rejection.to_string(), "{name}");
        assert_eq!(rejection.source().is_some(), matches!(reason, WebhookRejection::Unverified(_)), "{name}");
        let response = text(rejection.clone().into_response()).await;
        assert_eq!(response, (rejection.status(), rejection.body_text()), "{name}");
        assert_eq!(rejection.into_inner(), reason, "{name}");
    }
}

/// `event.enqueue` without a queue asks for redelivery: the response has status 503, and `?` converts the error.
#[tokio::test]
async fn redelivery_has_status_body_and_source() {
    async fn payment(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<(), Redeliver> {
        event.enqueue(&affitor).await?;
        Ok(())
    }
    let client = || Client::builder().api_key("aff_0123456789").api_url("http://127.0.0.1:9").build().unwrap();
    let app: Router =
        Router::new().route("/webhooks/stripe", post(payment)).layer(AffitorLayer::new(client())).with_state(webhook());
    let (status, body) = text(app.oneshot(signed(SALE)).await.unwrap()).await;

    let event = extract(signed(SALE)).await.unwrap();
    let error: PaymentError = event.enqueue(&client()).await.unwrap_err();
    assert!(error.is_not_enqueued() && error.source().is_none(), "{error}");
    let redeliver = Redeliver::from(error);
    assert_eq!(redeliver.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((status, body), (redeliver.status(), redeliver.body_text()));
    assert!(redeliver.to_string().contains("Client::with_sink"));
    assert!(redeliver.into_inner().is_not_enqueued());
}
