//! The middleware.

use std::{
    fmt,
    future::{Ready, ready},
};

use actix_web::{
    HttpMessage as _,
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header::{COOKIE, HeaderValue, REFERER},
};
use affitor::{
    adapter::{CapturedByServer, InsideCapture},
    capture::{ClickCapture, PendingResponse},
};

use super::{
    ClickCaptureFuture,
    head::{Head, Page},
};

/// Reports the click of a visitor who arrives by a partner's link, and sets the tracker's cookies on the response. No script is
/// needed. See [`affitor::capture`] for what is captured, and for what happens to caches.
///
/// ```
/// use actix_web::App;
/// use affitor_actix::{AffitorLayer, ClickCaptureLayer, Client, capture::ClickCapture};
///
/// # fn app(client: Client) -> Result<(), affitor_actix::capture::InvalidCapture> {
/// // Once, outside the factory of the workers.
/// let capture = ClickCapture::builder(client.clone()).domain("shop.example").without_consent_check().build()?;
/// let app = App::new()
///     .wrap(AffitorLayer::new(client))
///     .wrap(ClickCaptureLayer::new(capture)); // the last one runs first
/// # let _ = app; Ok(()) }
/// # app(Client::disabled()).unwrap();
/// ```
///
/// Call `wrap` with it after [`AffitorLayer`](crate::AffitorLayer), after middleware that caches responses, and after middleware that
/// sets `Cache-Control`. The [`AffitorLayer`](crate::AffitorLayer) inside also finds a click that the service reports late.
///
/// The middleware never rejects a request. A handler sees the same request, with one more extension. The response's headers change only
/// if a cookie is set, or if the page has no tracker because the server reports the click. An error of an inner middleware is passed on
/// unchanged, without a cookie.
#[derive(Clone, Debug)]
#[must_use = "a middleware does nothing until an App is wrapped in it"]
pub struct ClickCaptureLayer {
    capture: ClickCapture,
}

impl ClickCaptureLayer {
    /// Creates a middleware.
    pub fn new(capture: ClickCapture) -> Self {
        Self { capture }
    }
}

impl<S, B> Transform<S, ServiceRequest> for ClickCaptureLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type InitError = ();
    type Transform = ClickCaptureService<S>;
    type Future = Ready<Result<ClickCaptureService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(ClickCaptureService { service, capture: self.capture.clone() }))
    }
}

/// The service created by [`ClickCaptureLayer`].
pub struct ClickCaptureService<S> {
    service: S,
    capture: ClickCapture,
}

impl<S> ClickCaptureService<S> {
    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.service
    }
}

impl<S, B> Service<ServiceRequest> for ClickCaptureService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ClickCaptureFuture<S::Future, B>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let head = request.head();
        let cookies = || head.headers().get_all(COOKIE).map(HeaderValue::as_bytes);
        let referer = || head.headers().get(REFERER).map(HeaderValue::as_bytes);
        let is_candidate = self.capture.is_candidate(head.uri.query(), cookies, referer);
        let landing = if is_candidate { begin(&self.capture, &request) } else { None };
        ClickCaptureFuture { inner: self.service.call(request), landing }
    }
}

/// Decides what to do with a candidate. Not inlined, because most requests do not get here.
#[inline(never)]
fn begin<B>(capture: &ClickCapture, request: &ServiceRequest) -> Option<Box<PendingResponse<Page<B>>>> {
    if request.extensions_mut().insert(InsideCapture).is_some() {
        return None;
    }
    let capture = capture.begin(&Head::of(request))?;
    let mut extensions = request.extensions_mut();
    if let Some(click_id) = capture.click_id() {
        extensions.insert(click_id);
    }
    if capture.replaces_tracker() {
        extensions.insert(CapturedByServer);
    }
    drop(extensions);
    Some(Box::new(capture.into_response()))
}

impl<S> fmt::Debug for ClickCaptureService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickCaptureService").field("capture", &self.capture).finish_non_exhaustive()
    }
}
