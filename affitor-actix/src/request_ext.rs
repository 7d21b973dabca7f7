//! Access to the click id without an extractor.

use actix_web::{
    HttpMessage as _, HttpRequest,
    dev::ServiceRequest,
    http::header::{COOKIE, HeaderValue},
};
use affitor::{
    BoundClient, ClickId,
    adapter::{Attribution, CapturedByServer},
};

/// Reads what the middleware has inserted into a request, without an extractor: in a middleware of your own.
///
/// ```
/// use actix_web::HttpRequest;
/// use affitor_actix::AffitorRequestExt;
///
/// async fn handler(request: HttpRequest) -> String {
///     request.click_id().map_or_else(String::new, |id| id.to_string())
/// }
/// # let _ = actix_web::App::new().route("/", actix_web::web::get().to(handler));
/// ```
pub trait AffitorRequestExt {
    /// Returns the visitor's click id, if the middleware has found one.
    fn click_id(&self) -> Option<ClickId>;

    /// Returns the app's client for the visitor of this request, or `None` if there is no
    /// [`AffitorLayer`](crate::AffitorLayer) around the route.
    fn affitor(&self) -> Option<BoundClient>;
}

impl AffitorRequestExt for HttpRequest {
    fn click_id(&self) -> Option<ClickId> {
        self.extensions().get::<Attribution>()?.click_id().cloned()
    }

    fn affitor(&self) -> Option<BoundClient> {
        let extensions = self.extensions();
        let attribution = extensions.get::<Attribution>()?;
        let captured = extensions.contains::<CapturedByServer>();
        let bound = attribution.bind(self.headers().get_all(COOKIE).map(HeaderValue::as_bytes));
        Some(bound.captured_by_server(captured))
    }
}

impl AffitorRequestExt for ServiceRequest {
    fn click_id(&self) -> Option<ClickId> {
        self.request().click_id()
    }

    fn affitor(&self) -> Option<BoundClient> {
        self.request().affitor()
    }
}
