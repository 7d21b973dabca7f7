//! A body that does not arrive: the layer waits for a limited time, and holds no permit of the inner service meanwhile.

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

/// Yields one frame, then either stays pending or ends. Panics if it is polled after the end.
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
        assert!(!self.ended, "polled past the end");
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

/// Responds with the click id and the first frame of the body.
async fn first_frame(request: Request<Replay<Stuck>>) -> Result<(String, Bytes), Infallible> {
    let click_id = request.extensions().get::<ClickId>().map(ToString::to_string).unwrap_or_default();
    let mut body = pin!(request.into_body());
    let frame = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
    Ok((click_id, frame.into_data().unwrap()))
}

fn layer(limit: Duration) -> affitor_tower::ReadBodyLayer {
    ClickIdLayer::new().sources(Sources::default().body_timeout(limit)).read_body()
}

/// After the timeout the handler gets the part that has arrived, and the click id comes from the cookie.
#[tokio::test]
async fn the_handler_is_called_when_the_body_times_out() {
    let mut service = layer(Duration::from_millis(20)).layer(service_fn(first_frame));
    let (click_id, frame) = service.ready().await.unwrap().call(form()).await.unwrap();
    assert_eq!((click_id.as_str(), &frame[..]), ("cust_2_2", &b"affitorClickId=cust_1_1&"[..]));
}

/// An outer layer has found the click id, so an inner layer that inspects bodies does not wait for this one.
#[tokio::test]
async fn a_body_is_not_read_if_an_outer_layer_found_the_click_id() {
    let inner = layer(Duration::from_secs(3_600)).layer(service_fn(first_frame));
    let service = ClickIdLayer::new().layer(inner);
    let response = tokio::time::timeout(Duration::from_secs(10), service.oneshot(form())).await;
    assert_eq!(response.expect("the body is not waited for").unwrap().0, "cust_2_2");
}

/// In a runtime without a timer, the layer does not wait, and no request panics.
#[test]
fn without_a_timer_the_layer_does_not_wait() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (click_id, _) = runtime.block_on(async {
        let mut service = layer(Duration::from_secs(3_600)).layer(service_fn(first_frame));
        service.ready().await.unwrap().call(form()).await.unwrap()
    });
    assert_eq!(click_id, "cust_2_2");
}

/// With a concurrency limit of 1, a request whose body is stuck does not block the next request.
#[tokio::test]
async fn a_stuck_body_holds_no_permit() {
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
    let response = tokio::time::timeout(Duration::from_secs(10), service.oneshot(plain)).await;
    response.expect("the permit is free").unwrap();
}

/// The body is read before the service has a free permit: neither body nor timer is polled again while the request waits.
#[tokio::test]
async fn a_body_that_was_read_waits_for_its_permit() {
    for stuck in [false, true] {
        let handler = service_fn(async |request: Request<Replay<Stuck>>| {
            Ok::<_, Infallible>(request.extensions().get::<ClickId>().map(ToString::to_string))
        });
        let limited = ConcurrencyLimitLayer::new(1).layer(handler);
        // Takes the only permit.
        let mut other = limited.clone();
        other.ready().await.unwrap();
        // A stuck body times out at once; a complete one ends after its only frame.
        let mut service = layer(Duration::ZERO).layer(limited);
        let mut request = form();
        if !stuck {
            let complete = Bytes::from(format!("affitorClickId=cust_1_1&{}", "x".repeat(76)));
            *request.body_mut() = Stuck { frame: Some(complete), ends: true, ended: false };
        }
        // Called without `ready`, which would wait for the inner service's permit. The test is about the time after the call.
        let mut call = tokio::spawn(async move { service.call(request).await });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!call.is_finished(), "no permit is free yet");
        drop(other);
        let found = tokio::time::timeout(Duration::from_secs(10), &mut call).await.expect("a permit").unwrap().unwrap();
        assert_eq!(found.as_deref(), Some(if stuck { "cust_2_2" } else { "cust_1_1" }));
    }
}
