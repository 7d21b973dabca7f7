//! Responses of the calls, and the four formats of errors.

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, Response, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// A response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// Why the request was refused or nothing was recorded, for the request log.
    pub reason: Option<String>,
    /// What the developer should know, for the request log and [`HINT`]. The service has nothing like it.
    pub hint: Option<String>,
}

/// Response header with a hint for the developer. Only the sandbox sends it.
pub(crate) const HINT: HeaderName = HeaderName::from_static("x-affitor-sandbox-hint");

/// Error format of the tracking calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorText {
    /// Description of the error.
    error: String,
}

/// The other error format of a duplicate sale.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conflict {
    #[schema(pattern = "^Conflict$")]
    error: &'static str,
    message: &'static str,
    status_code: u16,
}

/// Error format of test-event and readiness.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodedError {
    error: CodedErrorBody,
}

#[derive(Debug, Serialize, ToSchema)]
struct CodedErrorBody {
    /// Status of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<u16>,
    /// Machine-readable code.
    code: &'static str,
    message: String,
    /// Seconds until the next attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after_seconds: Option<u64>,
}

/// Error format of the CMS behind the service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CmsError {
    #[schema(schema_with = null)]
    data: (),
    error: CmsErrorBody,
}

#[derive(Debug, Serialize, ToSchema)]
struct CmsErrorBody {
    status: u16,
    name: &'static str,
    message: String,
    details: NoDetails,
}

/// Empty object.
#[derive(Debug, Serialize, ToSchema)]
struct NoDetails {}

/// Schema of `null`.
pub(super) fn null() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::Null).build()
}

impl Reply {
    /// Creates a JSON response.
    pub(crate) fn new(status: u16, body: &impl Serialize) -> Self {
        // Can't fail: the bodies are types of this crate with string keys.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { status, content_type: JSON, body, retry_after: None, reason: None, hint: None }
    }

    /// Creates a response that is not JSON.
    pub(crate) fn text(content_type: &'static str, text: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type, body: text.into(), retry_after: None, reason: None, hint: None }
    }

    pub(crate) fn ok(body: &impl Serialize) -> Self {
        Self::new(200, body)
    }

    /// Creates a 200 response to a request for which nothing was recorded.
    pub(crate) fn nothing_recorded(reason: &str, body: &impl Serialize) -> Self {
        Self::refused(200, reason, body)
    }

    fn refused(status: u16, reason: &str, body: &impl Serialize) -> Self {
        Self { reason: Some(reason.to_owned()), ..Self::new(status, body) }
    }

    pub(crate) fn error(status: u16, text: impl Into<String>) -> Self {
        let error = text.into();
        Self::refused(status, &error.clone(), &ErrorText { error })
    }

    /// Adds a hint for the developer.
    pub(crate) fn with_hint(self, hint: String) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Creates a response for a sandbox whose memory is full.
    pub(crate) fn full(limit_bytes: usize) -> Self {
        let limit = limit_bytes / (1024 * 1024);
        Self::error(503, "The sandbox is full").with_hint(format!(
            "The records that are never dropped have reached the memory limit of {limit} MiB: reset the sandbox, or start it \
             with a higher limit"
        ))
    }

    pub(crate) fn conflict(message: &'static str) -> Self {
        Self::refused(409, message, &Conflict { error: "Conflict", message, status_code: 409 })
    }

    pub(crate) fn cms_error(status: u16, name: &'static str, message: &str) -> Self {
        let error = CmsErrorBody { status, name, message: message.to_owned(), details: NoDetails {} };
        Self::refused(status, message, &CmsError { data: (), error })
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self::cms_error(404, "NotFoundError", message)
    }

    pub(crate) fn invalid_key() -> Self {
        let message = "Invalid API token.".to_owned();
        let error = CodedErrorBody { status: None, code: "invalid_key", message, retry_after_seconds: None };
        Self::refused(401, &error.message.clone(), &CodedError { error })
    }

    pub(crate) fn readiness_failed() -> Self {
        let message = "Failed to compute readiness. Retry shortly.".to_owned();
        let error = CodedErrorBody { status: None, code: "internal_error", message, retry_after_seconds: Some(10) };
        Self::refused(500, &error.message.clone(), &CodedError { error })
    }

    /// Creates a 429 response with the wait in the body and in `Retry-After`.
    pub(crate) fn rate_limited(message: &str, seconds: u64) -> Self {
        let error = CodedErrorBody {
            status: Some(429),
            code: "rate_limited",
            message: message.to_owned(),
            retry_after_seconds: Some(seconds),
        };
        Self { retry_after: Some(seconds), ..Self::refused(429, message, &CodedError { error }) }
    }

    /// Creates a 502 response as sent by a proxy.
    pub(crate) fn bad_gateway() -> Self {
        let body =
            "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n";
        Self {
            status: 502,
            content_type: "text/html; charset=utf-8",
            body: body.into(),
            retry_after: None,
            reason: Some("502 Bad Gateway".to_owned()),
            hint: None,
        }
    }

    pub(crate) fn into_response(self, body: impl FnOnce(Vec<u8>) -> Body) -> Response<Body> {
        let mut response = Response::new(body(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        // Hints contain only visible ASCII characters and spaces.
        if let Some(hint) = self.hint.and_then(|hint| hint.try_into().ok()) {
            response.headers_mut().insert(HINT, hint);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
