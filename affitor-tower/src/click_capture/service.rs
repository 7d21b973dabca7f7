//! The service.

use std::task::{Context, Poll};

use affitor::{
    adapter::{CapturedByServer, InsideCapture},
    capture::ClickCapture,
};
use http::{
    HeaderValue, Request, Response,
    header::{COOKIE, REFERER},
};
use tower_service::Service;

use super::{ClickCaptureFuture, head::RequestHead};

/// Captures the clicks of visitors who arrive by a partner's link. Created by [`ClickCaptureLayer`](crate::ClickCaptureLayer).
#[derive(Clone, Debug)]
pub struct ClickCaptureService<S> {
    inner: S,
    capture: ClickCapture,
}

impl<S> ClickCaptureService<S> {
    pub(super) fn new(inner: S, capture: ClickCapture) -> Self {
        Self { inner, capture }
    }

    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for ClickCaptureService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ClickCaptureFuture<S::Future, R>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let headers = request.headers();
        let cookies = || headers.get_all(COOKIE).into_iter().map(HeaderValue::as_bytes);
        let referer = || headers.get(REFERER).map(HeaderValue::as_bytes);
        if self.capture.is_candidate(request.uri().query(), cookies, referer) {
            return self.call_candidate(request);
        }
        ClickCaptureFuture { inner: self.inner.call(request), landing: None }
    }
}

impl<S> ClickCaptureService<S> {
    /// Decides what to do with a candidate, and calls the inner service. Not inlined, because most requests do not get here.
    #[inline(never)]
    fn call_candidate<B, R>(&mut self, mut request: Request<B>) -> ClickCaptureFuture<S::Future, R>
    where
        S: Service<Request<B>, Response = Response<R>>,
    {
        if request.extensions_mut().insert(InsideCapture).is_some() {
            return ClickCaptureFuture { inner: self.inner.call(request), landing: None };
        }
        let capture = self.capture.begin(&RequestHead::of(&request));
        if let Some(capture) = &capture {
            let extensions = request.extensions_mut();
            if let Some(click_id) = capture.click_id() {
                extensions.insert(click_id);
            }
            if capture.replaces_tracker() {
                extensions.insert(CapturedByServer);
            }
        }
        let landing = capture.map(|capture| Box::new(capture.into_response()));
        ClickCaptureFuture { inner: self.inner.call(request), landing }
    }
}
