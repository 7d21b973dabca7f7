//! The error of the extractors.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
};
use affitor::adapter;

/// There is no [`AffitorLayer`](crate::AffitorLayer) around the route: a mistake in the app.
///
/// As a response it has status 500, says how to add the middleware, and has the header `affitor-error: missing-layer`. It is also logged
/// as an error.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingLayer;

impl MissingLayer {
    /// Returns the status of the response: 500.
    pub fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    /// Returns the text of the response.
    pub fn body_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = adapter::MissingLayer::reason();
        let hint = match reason {
            adapter::MissingLayer::OtherRoutes => "`.wrap(…)` covers only the routes of its own App or scope",
            _ => "add `.wrap(AffitorLayer::new(client))` to the App or scope",
        };
        write!(f, "{reason}: {hint}")
    }
}

affitor::debug_as_sentence!(MissingLayer);

impl std::error::Error for MissingLayer {}

impl ResponseError for MissingLayer {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let code = adapter::MissingLayer::reason().code();
        tracing::error!(code, "{self}");
        let mut response = text_response(self.status(), self.body_text());
        let header = HeaderName::from_static(adapter::MissingLayer::HEADER);
        response.headers_mut().insert(header, HeaderValue::from_static(code));
        response
    }
}

/// A response with a plain text.
pub(crate) fn text_response(status: StatusCode, text: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(text)
}
