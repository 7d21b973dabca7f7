//! axum's body stays axum's body.

use affitor_tower::{BodyMode, Reading};
use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use http_body_util::BodyExt as _;

/// Looks into bodies and hands them on as axum's [`Body`]. One that is not looked into is handed on as it is: it is
/// neither boxed again nor copied.
#[derive(Clone, Copy, Debug, Default)]
pub struct AxumBody;

impl<B> BodyMode<B> for AxumBody
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError> + Send,
{
    type Body = Body;
    type Reading = Reading<B>;
    const LOOKS: bool = true;

    fn known_length(body: &B) -> Option<u64> {
        body.size_hint().exact()
    }

    fn untouched(body: B) -> Body {
        Body::new(body)
    }

    fn read_ahead(body: B, limit: usize) -> Result<Reading<B>, Body> {
        Ok(Reading::new(body, limit))
    }

    fn resume(reading: Reading<B>) -> Body {
        Body::new(reading.resume().map_err(unwrapped))
    }
}

/// An error of axum's own body would be wrapped a second time, and axum's extractors look only so deep for its cause.
fn unwrapped(error: impl Into<BoxError>) -> BoxError {
    match error.into().downcast::<axum_core::Error>() {
        Ok(error) => error.into_inner(),
        Err(error) => error,
    }
}
