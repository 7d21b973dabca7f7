//! The future.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use affitor::capture::PendingResponse;
use http::Response;
use pin_project_lite::pin_project;

use super::head::Page;

pin_project! {
    /// The future of [`ClickCaptureService`](crate::ClickCaptureService): the inner service's, and for a landing also the call.
    pub struct ClickCaptureFuture<F, R> {
        #[pin]
        pub(super) inner: F,
        // Boxed, so that it takes no space in requests that have nothing to do with capture.
        pub(super) landing: Option<Box<PendingResponse<Page<R>>>>,
    }
}

impl<F, R, E> Future for ClickCaptureFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(landing) = this.landing else { return this.inner.poll(cx) };
        let inner = this.inner;
        landing.poll(cx, |cx| inner.poll(cx).map_ok(Page)).map_ok(|Page(response)| response)
    }
}

impl<F, R> fmt::Debug for ClickCaptureFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickCaptureFuture").field("landing", &self.landing).finish_non_exhaustive()
    }
}
