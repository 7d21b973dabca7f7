//! CORS: permission for pages of other origins to call the service.
//!
//! Pages may call *track click*, *track lead* and the two calls of the tracker's test. Sale and refund are called by
//! servers only and send no CORS headers.

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, Response, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
        },
    },
};

use crate::reply::HINT;

/// Origins whose pages may call the service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    /// Allowed origins; all origins if empty.
    pub(crate) allowed: Vec<String>,
}

impl Origins {
    /// Adds the CORS headers for the origin of a request, if it is allowed.
    pub(crate) fn permit(&self, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
        response.insert(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = origin else { return };
        if self.allowed.is_empty() || self.allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            // The tracker logs it.
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_name(HINT));
        }
    }

    /// Returns the response to a preflight request.
    pub(crate) fn preflight(&self, origin: Option<&HeaderValue>) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        self.permit(origin, headers);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        response
    }
}
