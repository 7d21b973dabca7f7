//! The future.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::dev::ServiceResponse;
use affitor::capture::Capture;
use pin_project_lite::pin_project;

use super::head::{ResponseHeaders, apply};

pin_project! {
    /// The future of [`ClickCaptureService`](crate::ClickCaptureService): the inner service's, and for a landing also the call.
    pub struct ClickCaptureFuture<F, R> {
        #[pin]
        pub(super) inner: F,
        // Boxed, so that it takes no space in requests that have nothing to do with capture.
        pub(super) landing: Option<Box<Landing<R>>>,
    }
}

/// A request that capture concerns.
pub(super) struct Landing<R> {
    pub(super) capture: Capture,
    /// The response of the inner service, while it waits for the click.
    pub(super) response: Option<R>,
}

impl<F, B, E> Future for ClickCaptureFuture<F, ServiceResponse<B>>
where
    F: Future<Output = Result<ServiceResponse<B>, E>>,
{
    type Output = Result<ServiceResponse<B>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(landing) = this.landing else { return this.inner.poll(cx) };
        let response = match landing.response.take() {
            Some(response) => response,
            None => match this.inner.poll(cx) {
                Poll::Ready(response) => response?,
                Poll::Pending => {
                    landing.capture.start();
                    return Poll::Pending;
                }
            },
        };
        let status = response.status().as_u16();
        let is_ready = landing.capture.poll_ready(status, &ResponseHeaders(response.headers()), cx);
        let response = landing.response.insert(response);
        ready!(is_ready);
        let changes = landing.capture.finish(status, &ResponseHeaders(response.headers()));
        apply(changes, response.headers_mut());
        // It was just inserted, so the default is never used.
        landing.response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
    }
}

impl<F, R> fmt::Debug for ClickCaptureFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capture = self.landing.as_ref().map(|landing| &landing.capture);
        f.debug_struct("ClickCaptureFuture").field("capture", &capture).finish_non_exhaustive()
    }
}
