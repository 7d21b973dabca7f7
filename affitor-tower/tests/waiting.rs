//! A body that does not come: the layer waits for a limited time, and holds no place of the inner service meanwhile.

#![cfg(feature = "client")]

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use affitor_tower::{ClickId, ClickIdLayer, Replay, Sources};
use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use tower::{Layer, Service, ServiceExt as _, limit::ConcurrencyLimitLayer, service_fn};

/// Gives a frame, and then nothing more; or ends, and bears no further question.
#[derive(Default)]
struct Stuck {
    frame: Option<Bytes>,
    ends: bool,
    ended: bool,
}

impl Body for Stuck {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        assert!(!self.ended, "asked past the end");
        match self.frame.take() {
            Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
            None if self.ends => {
                self.ended = true;
                Poll::Ready(None)
            }
            None => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(100)
    }
}

fn request(body: Option<Bytes>) -> Request<Stuck> {
    Request::builder()
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", "affitor_click_id=cust_2_2")
        .body(Stuck { frame: body, ..Stuck::default() })
        .unwrap()
}

fn form() -> Request<Stuck> {
    request(Some(Bytes::from_static(b"affitorClickId=cust_1_1&")))
}

/// Answers with the click id and the first frame of the body.
async fn first_frame(request: Request<Replay<Stuck>>) -> Result<(String, Bytes), Infallible> {
    let click_id = request.extensions().get::<ClickId>().map(ToString::to_string).unwrap_or_default();
    let mut body = pin!(request.into_body());
    let frame = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
    Ok((click_id, frame.into_data().unwrap()))
}

fn layer(limit: Duration) -> affitor_tower::ReadBodyLayer {
    ClickIdLayer::new().sources(Sources::default().body_timeout(limit)).read_body()
}

/// The handler is called with what has come, and the cookie counts.
#[tokio::test]
async fn a_handler_is_called_when_the_body_does_not_come() {
    let mut service = layer(Duration::from_millis(20)).layer(service_fn(first_frame));
    let (click_id, frame) = service.ready().await.unwrap().call(form()).await.unwrap();
    assert_eq!((click_id.as_str(), &frame[..]), ("cust_2_2", &b"affitorClickId=cust_1_1&"[..]));
}

/// A runtime without a timer: the layer does not wait at all, and no request panics.
#[test]
fn without_a_timer_nobody_waits() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (click_id, _) = runtime.block_on(async {
        let mut service = layer(Duration::from_secs(3_600)).layer(service_fn(first_frame));
        service.ready().await.unwrap().call(form()).await.unwrap()
    });
    assert_eq!(click_id, "cust_2_2");
}

/// One place, and a request whose body is stuck: the next request gets the place.
#[tokio::test]
async fn a_stuck_body_holds_no_place() {
    let handler = service_fn(async |_: Request<Replay<Stuck>>| Ok::<_, Infallible>(()));
    let limited = ConcurrencyLimitLayer::new(1).layer(handler);
    let service = layer(Duration::from_secs(3_600)).layer(limited);
    let mut first = service.clone();
    let mut stuck = pin!(first.ready().await.unwrap().call(form()));
    std::future::poll_fn(|cx| {
        assert!(stuck.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;

    let mut plain = request(None);
    plain.headers_mut().remove("content-type");
    let answer = tokio::time::timeout(Duration::from_secs(10), service.oneshot(plain)).await;
    answer.expect("the place is free").unwrap();
}

/// The body is there before the service has a place: neither body nor timer is asked again while it waits.
#[tokio::test]
async fn a_body_that_was_read_waits_for_its_place() {
    for stuck in [false, true] {
        let handler = service_fn(async |request: Request<Replay<Stuck>>| {
            Ok::<_, Infallible>(request.extensions().get::<ClickId>().map(ToString::to_string))
        });
        let limited = ConcurrencyLimitLayer::new(1).layer(handler);
        // It takes the only place.
        let mut other = limited.clone();
        other.ready().await.unwrap();
        // A stuck body is given up at once, a whole one ends with its only frame.
        let mut service = layer(Duration::ZERO).layer(limited);
        let mut request = form();
        if !stuck {
            let whole = Bytes::from(format!("affitorClickId=cust_1_1&{}", "x".repeat(76)));
            *request.body_mut() = Stuck { frame: Some(whole), ends: true, ended: false };
        }
        // The layer's own readiness is that of the inner service, so it is called without: what counts is what comes after.
        let mut call = tokio::spawn(async move { service.call(request).await });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!call.is_finished(), "there is no place yet");
        drop(other);
        let found = tokio::time::timeout(Duration::from_secs(10), &mut call).await.expect("a place").unwrap().unwrap();
        assert_eq!(found.as_deref(), Some(if stuck { "cust_2_2" } else { "cust_1_1" }));
    }
}
