//! Answers, and the shapes of errors.

use axum::{
    body::Body,
    http::{
        HeaderValue, Response, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
};
use serde_json::{Value, json};

/// An answer: status and JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub status: u16,
    pub body: Value,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { status, body, retry_after: None }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    /// The shape of the tracking calls: `{"error": "text"}`.
    pub(crate) fn error(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, json!({ "error": text.into() }))
    }

    /// The shape of the CMS behind the service.
    pub(crate) fn cms_error(status: u16, name: &str, message: &str) -> Self {
        let error = json!({ "status": status, "name": name, "message": message, "details": {} });
        Self::new(status, json!({ "data": null, "error": error }))
    }

    /// The shape of test-event and readiness: `{"error": {code, message}}`.
    pub(crate) fn coded_error(status: u16, code: &str, message: &str) -> Self {
        Self::new(status, json!({ "error": { "code": code, "message": message } }))
    }

    /// Why it was refused, whatever the shape.
    pub(crate) fn words(&self) -> Option<String> {
        let error = self.body.get("error");
        let words = match error {
            Some(Value::Object(error)) => error.get("message"),
            _ => self.body.get("message").filter(|_| error.is_some()).or(error),
        };
        words.and_then(Value::as_str).map(str::to_owned)
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.to_string()));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
