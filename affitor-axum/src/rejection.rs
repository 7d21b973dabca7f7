//! The rejection of the extractors.

use std::fmt;

use affitor::adapter;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;

/// There is no [`AffitorLayer`](crate::AffitorLayer) around the route: a mistake in the app.
///
/// As a response it has status 500, says how to add the layer, and has the header `affitor-error: missing-layer`. It is also logged as an
/// error.
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
            adapter::MissingLayer::OtherRoutes => "`.layer(…)` covers only the routes that are added before it",
            _ => "add `.layer(AffitorLayer::new(client))` to the router, after the routes that use it",
        };
        write!(f, "{reason}: {hint}")
    }
}

affitor::debug_as_sentence!(MissingLayer);

impl std::error::Error for MissingLayer {}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        let code = adapter::MissingLayer::reason().code();
        tracing::error!(code, "{self}");
        (self.status(), [(adapter::MissingLayer::HEADER, code)], self.body_text()).into_response()
    }
}
