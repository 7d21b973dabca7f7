//! Answers, and the four shapes of errors.

use axum::{
    body::Body,
    http::{
        HeaderValue, Response, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// Why it was refused, whatever the shape.
    pub words: Option<String>,
}

/// The shape of the tracking calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorText {
    /// What is wrong.
    error: String,
}

/// The other shape of a repeated sale.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conflict {
    #[schema(pattern = "^Conflict$")]
    error: &'static str,
    message: &'static str,
    status_code: u16,
}

/// The shape of test-event and readiness.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodedError {
    error: CodedErrorBody,
}

#[derive(Debug, Serialize, ToSchema)]
struct CodedErrorBody {
    /// The same as the answer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<u16>,
    /// A word for programs.
    code: &'static str,
    message: String,
    /// In how many seconds to ask again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after_seconds: Option<u64>,
}

/// The shape of the CMS behind the service.
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

/// Nothing more.
#[derive(Debug, Serialize, ToSchema)]
struct NoDetails {}

/// The schema of `null`.
pub(super) fn null() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::Null).build()
}

impl Reply {
    /// JSON.
    pub(crate) fn new(status: u16, body: &impl Serialize) -> Self {
        // Our own types, which have string keys alone and no failing implementation.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { status, content_type: JSON, body, retry_after: None, words: None }
    }

    pub(crate) fn ok(body: &impl Serialize) -> Self {
        Self::new(200, body)
    }

    /// A 200 that says that nothing was recorded, and why.
    pub(crate) fn nothing_done(words: &str, body: &impl Serialize) -> Self {
        Self::refused(200, words, body)
    }

    fn refused(status: u16, words: &str, body: &impl Serialize) -> Self {
        Self { words: Some(words.to_owned()), ..Self::new(status, body) }
    }

    pub(crate) fn error(status: u16, text: impl Into<String>) -> Self {
        let error = text.into();
        Self::refused(status, &error.clone(), &ErrorText { error })
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

    /// 429, with the time to wait in the body and in `Retry-After`.
    pub(crate) fn rate_limited(message: &str, seconds: u64) -> Self {
        let error = CodedErrorBody {
            status: Some(429),
            code: "rate_limited",
            message: message.to_owned(),
            retry_after_seconds: Some(seconds),
        };
        Self { retry_after: Some(seconds), ..Self::refused(429, message, &CodedError { error }) }
    }

    /// What a proxy in between says.
    pub(crate) fn bad_gateway() -> Self {
        let body =
            "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n";
        Self {
            status: 502,
            content_type: "text/html; charset=utf-8",
            body: body.into(),
            retry_after: None,
            words: Some("502 Bad Gateway".to_owned()),
        }
    }

    pub(crate) fn into_response(self, body: impl FnOnce(Vec<u8>) -> Body) -> Response<Body> {
        let mut response = Response::new(body(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
