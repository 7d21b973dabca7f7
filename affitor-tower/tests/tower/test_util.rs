//! The requests of `test_util`, as a layer sees them.

use std::{convert::Infallible, time::SystemTime};

use affitor_payments::{
    LemonSqueezy, Paddle, Polar, Stripe, Webhook,
    test_util::{TestPayment, TestProvider},
};
use affitor_tower::{
    AffitorLayer, AffitorRequestExt as _, ClickIdLayer,
    affitor::{
        Currency, Lead,
        test_util::{RecordingSink, click_id},
    },
    test_util::RequestBuilderExt as _,
};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Returns the click id that a handler behind a layer finds.
async fn found(request: Request<()>) -> Option<String> {
    let handler = service_fn(async |request: Request<()>| {
        Ok::<_, Infallible>(Response::new(request.click_id().map(|id| id.to_string())))
    });
    ClickIdLayer::new().layer(handler).oneshot(request).await.unwrap().into_body()
}

#[tokio::test]
async fn a_layer_finds_the_click_id() {
    let id = click_id();
    let cookie = Request::post("/signup").header("cookie", "session=1").click_id(&id).body(()).unwrap();
    assert_eq!(cookie.headers().get_all("cookie").iter().count(), 2);
    assert_eq!(found(cookie).await.as_deref(), Some(id.as_str()));
    let header = Request::post("/signup").click_id_header(&id).body(()).unwrap();
    assert_eq!(found(header).await.as_deref(), Some(id.as_str()));
    assert_eq!(found(Request::post("/signup").body(()).unwrap()).await, None);
}

#[test]
#[should_panic(expected = "a layer would ignore this click id")]
fn a_click_id_that_a_layer_would_ignore_fails_the_test() {
    let _ = Request::post("/signup").click_id("cust 42");
}

#[tokio::test]
async fn a_sink_records_what_a_handler_tracks() {
    let sink = RecordingSink::new();
    let handler = service_fn(async |request: Request<()>| {
        request.affitor().unwrap().track_lead(Lead::new("user_7")).await.unwrap();
        Ok::<_, Infallible>(Response::new(()))
    });
    let request = Request::post("/signup").click_id("cust_42_1714000000000").body(()).unwrap();
    AffitorLayer::new(sink.client()).layer(handler).oneshot(request).await.unwrap();
    assert_eq!(sink.assert_lead("user_7").click_id.unwrap(), "cust_42_1714000000000");
}

fn signed<P: TestProvider>(secret: &str) {
    let webhook = Webhook::<P>::disabled().or_secret(secret).unwrap();
    for delivery in TestPayment::<P>::new(4_900, Currency::USD).paid() {
        let signed = delivery.sign(&webhook, SystemTime::now());
        let request: Request<String> = Request::post("/webhooks").signed_webhook(signed).unwrap();
        let header = |name: &str| request.headers().get(name).map(http::HeaderValue::as_bytes);
        let event = webhook.verify(header, request.body().as_bytes(), SystemTime::now()).unwrap();
        assert_eq!(event.kind(), delivery.event_type());
        assert_eq!(request.headers()["content-type"], "application/json");
    }
}

#[test]
fn signed_webhooks_are_accepted() {
    signed::<Stripe>("whsec_0123456789");
    signed::<Polar>("polar_whs_0123456789");
    signed::<LemonSqueezy>("0123456789");
    signed::<Paddle>("pdl_ntfset_0123456789");
}
