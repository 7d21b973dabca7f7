//! A body that is either JSON or a form. (actix-web has `Either` for it.)

use axum::{
    Form, Json, RequestExt,
    extract::{FromRequest, Request},
    http::{HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;

/// Sent as JSON by the page's script, or as a form by a browser without scripts.
pub(crate) enum Input<T> {
    Json(T),
    Form(T),
}

impl<T> Input<T> {
    /// Returns what was sent, and whether a script has sent it.
    pub(crate) fn into_parts(self) -> (T, bool) {
        match self {
            Self::Json(input) => (input, true),
            Self::Form(input) => (input, false),
        }
    }
}

impl<T: DeserializeOwned + 'static, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        if content_type.is_some_and(|content_type| content_type.starts_with(b"application/json")) {
            let Json(input) = request.extract().await.map_err(IntoResponse::into_response)?;
            Ok(Self::Json(input))
        } else {
            let Form(input) = request.extract().await.map_err(IntoResponse::into_response)?;
            Ok(Self::Form(input))
        }
    }
}
