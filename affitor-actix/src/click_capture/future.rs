//! The future.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::dev::ServiceResponse;
use affitor::capture::PendingResponse;
use pin_project_lite::pin_project;

use super::head::Page;

pin_project! {
    /// The future of [`ClickCaptureService`](crate::ClickCaptureService): the inner service's, and for a landing also the call.
    pub struct ClickCaptureFuture<F, B> {
        #[pin]
        pub(super) inner: F,
        // Boxed, so that it takes no space in requests that have nothing to do with capture.
        pub(super) landing: Option<Box<PendingResponse<Page<B>>>>,
    }
}

impl<F, B, E> Future for ClickCaptureFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, E>>,
{
    type Output = Result<ServiceResponse<B>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(landing) = this.landing else { return this.inner.poll(cx) };
        let inner = this.inner;
        landing.poll(cx, |cx| inner.poll(cx).map_ok(Page)).map_ok(|Page(response)| response)
    }
}

impl<F, B> fmt::Debug for ClickCaptureFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickCaptureFuture").field("landing", &self.landing).finish_non_exhaustive()
    }
}
