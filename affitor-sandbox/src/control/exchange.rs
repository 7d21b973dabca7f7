//! Request bodies and responses of the control routes.

use axum::{
    Json,
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::http;

/// Status and message of a refused action.
pub(crate) struct Refusal(pub(super) StatusCode, pub(super) String);

impl Refusal {
    pub(super) fn bad_request(reason: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, reason.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        let message = format!("nothing was changed: {error}");
        Self(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

/// Extractor for a body in JSON or as a form.
pub(crate) struct Input<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let content_type = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let declares_json = content_type.starts_with(b"application/json");
        let body = http::read(request.into_body()).await.map_err(|refused| {
            let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_REQUEST);
            Refusal(status, refused.reason.unwrap_or_default())
        })?;
        // `curl -d` declares every body to be a form, so one that looks like JSON is read as JSON.
        let looks_like_json = body.trim_ascii_start().first().is_some_and(|first| b"{[\"".contains(first));
        let parsed = if looks_like_json || (declares_json && !body.is_empty()) {
            serde_json::from_slice(&body).map_err(|error| error.to_string())
        } else {
            serde_urlencoded::from_bytes(&body).map_err(|error| error.to_string())
        };
        parsed.map(Self).map_err(|error| Refusal::bad_request(format!("the body can't be read: {error}")))
    }
}

/// Result of an action, as JSON. A form submitted without the page's script is redirected to a page instead.
pub(super) struct Done(pub(super) Value);

impl Done {
    pub(super) fn respond_to(self, headers: &HeaderMap) -> Response {
        self.respond_or_return(headers, "/")
    }

    pub(super) fn respond_or_return(self, headers: &HeaderMap, page: &str) -> Response {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        let is_form = text(header::CONTENT_TYPE).starts_with("application/x-www-form-urlencoded");
        if is_form && text(header::ACCEPT).contains("text/html") {
            Redirect::to(page).into_response()
        } else {
            Json(self.0).into_response()
        }
    }
}
