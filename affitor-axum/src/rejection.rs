//! The only way in which the extractors fail.

use std::fmt;

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;

/// There is no [`AffitorLayer`](crate::AffitorLayer) around the route: a mistake of the developer's.
///
/// As a response it is a 500 without a body. The log says what to do, at error level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingLayer;

impl MissingLayer {
    /// The status of the response: 500.
    pub fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an Affitor extractor found no AffitorLayer: add `.layer(AffitorLayer::new(client))` to the router, after \
             the routes that use it",
        )
    }
}

impl std::error::Error for MissingLayer {}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        tracing::error!("{self}");
        self.status().into_response()
    }
}
