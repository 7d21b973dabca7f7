//! The only way in which the extractors fail.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};

/// There is no [`AffitorLayer`](crate::AffitorLayer) around the route: a mistake of the developer's.
///
/// As a response it is a 500 without a body. The log says what to do, at error level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingLayer;

impl fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an Affitor extractor found no AffitorLayer: add `.wrap(AffitorLayer::new(client))` to the App or scope",
        )
    }
}

impl std::error::Error for MissingLayer {}

impl ResponseError for MissingLayer {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse {
        tracing::error!("{self}");
        HttpResponse::new(self.status_code())
    }
}
