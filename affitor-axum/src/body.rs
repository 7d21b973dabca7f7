//! Keeping axum's body type.

use affitor_tower::{ConvertBody, Replay};
use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use http_body_util::BodyExt as _;

/// Converts every request body to axum's [`Body`]. A body that was not inspected stays as it is, without another box.
#[derive(Clone, Copy, Debug, Default)]
pub struct IntoAxumBody;

impl<B> ConvertBody<B> for IntoAxumBody
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError> + Send,
{
    type Body = Body;

    fn unread(body: B) -> Body {
        Body::new(body)
    }

    fn replay(body: Replay<B>) -> Body {
        Body::new(body.map_err(unwrap_error))
    }
}

/// Unwraps an error of axum's own body. Otherwise it would be wrapped twice, and axum's extractors would not find its cause.
fn unwrap_error(error: impl Into<BoxError>) -> BoxError {
    match error.into().downcast::<axum_core::Error>() {
        Ok(error) => error.into_inner(),
        Err(error) => error,
    }
}
