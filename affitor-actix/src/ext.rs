//! The click id by hand.

use actix_web::{HttpMessage, HttpRequest, dev::ServiceRequest};
use affitor::{Attribution, ClickId};

/// Gets at the click id that the middleware has found.
///
/// ```
/// use actix_web::HttpRequest;
/// use affitor_actix::ClickIdExt;
///
/// async fn handler(request: HttpRequest) -> String {
///     request.click_id().map_or_else(String::new, |id| id.to_string())
/// }
/// # let _ = actix_web::App::new().route("/", actix_web::web::get().to(handler));
/// ```
pub trait ClickIdExt {
    /// The visitor's click id, when the middleware has found one.
    fn click_id(&self) -> Option<ClickId>;
}

impl ClickIdExt for HttpRequest {
    fn click_id(&self) -> Option<ClickId> {
        self.extensions().get::<Attribution>()?.click_id().cloned()
    }
}

impl ClickIdExt for ServiceRequest {
    fn click_id(&self) -> Option<ClickId> {
        self.request().click_id()
    }
}
