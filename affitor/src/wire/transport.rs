//! One call over HTTP: attempts, time limits, and a response of limited size.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use affitor_core::redact;
use bytes::Bytes;
use reqwest::{
    Method, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde_json::Value;
use tokio::time::Instant;

use super::retry::{self, AttemptResult, may_repeat};
use crate::{
    error::{Error, ErrorKind},
    event::RetryClass,
    key::{Credentials, Keys},
};

/// How much of a response is read, in bytes: 1 MiB.
const RESPONSE_LIMIT: usize = 1024 * 1024;

/// How long a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The whole call with its retries.
    pub call: Duration,
    /// One attempt, from connecting to the end of the response.
    pub request: Duration,
    /// Maximum number of attempts.
    pub attempts: u32,
}

/// What is sent.
pub(crate) struct Request<'r> {
    pub method: Method,
    pub url: &'r Url,
    /// JSON, or empty.
    pub body: Bytes,
    pub with_key: bool,
    pub retry_class: RetryClass,
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Response {
    pub status: u16,
    /// The `Retry-After` header.
    retry_after: Option<Duration>,
    pub body: Vec<u8>,
    /// Whether an earlier attempt of the same call may have arrived.
    pub uncertain: bool,
}

impl Response {
    /// The response of a recorder.
    pub(super) fn of_recorder(json: &Value) -> Self {
        Self { status: 200, retry_after: None, body: json.to_string().into_bytes(), uncertain: false }
    }

    /// Minimum delay requested by the service: in the header, else in the body of an error.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let in_body = || {
            let body: Value = serde_json::from_slice(&self.body).ok()?;
            body.get("error")?.get("retry_after_seconds")?.as_u64().map(Duration::from_secs)
        };
        self.retry_after.or_else(|| (self.status >= 400).then(in_body)?)
    }
}

/// The connection to the service.
pub(crate) struct Transport {
    http: reqwest::Client,
    limits: Limits,
    keys: Arc<Keys>,
}

/// An attempt without a complete response.
struct Failure {
    result: AttemptResult,
    error: Error,
}

impl Transport {
    pub(crate) fn new(http: reqwest::Client, limits: Limits, keys: Keys) -> Self {
        Self { http, limits, keys: Arc::new(keys) }
    }

    /// Returns the same connection with other limits. A key that is rotated is read once for both.
    pub(crate) fn with_limits(&self, limits: Limits) -> Self {
        Self { http: self.http.clone(), limits, keys: Arc::clone(&self.keys) }
    }

    /// Sends the request, and repeats it while that is safe and there is time. Also returns the key that was used.
    pub(crate) async fn send(&self, request: &Request<'_>) -> Result<(Response, Arc<Credentials>), Error> {
        let deadline = Instant::now() + self.limits.call;
        let mut credentials = self.keys.get(deadline).await?;
        let mut replaced = false;
        let mut uncertain = false;
        let mut attempts = 1;
        loop {
            let time_left = deadline.saturating_duration_since(Instant::now());
            let outcome = self.attempt(request, &credentials, time_left.min(self.limits.request)).await;
            // The key may have been rotated. The service rejects the old one, so nothing was recorded.
            if request.with_key && !replaced && matches!(&outcome, Ok(response) if response.status == 401) {
                replaced = true;
                if let Some(current) = self.keys.replace(&credentials, deadline).await {
                    credentials = current;
                    continue;
                }
            }
            let (result, requested) = match &outcome {
                Ok(response) => (AttemptResult::Status(response.status), response.retry_after()),
                Err(failure) => (failure.result, None),
            };
            let pause = (attempts < self.limits.attempts && may_repeat(request.retry_class, result))
                .then(|| {
                    let time_left = deadline.saturating_duration_since(Instant::now());
                    retry::pause(attempts, requested, fastrand::f64(), time_left)
                })
                .flatten();
            let Some(pause) = pause else {
                return match outcome {
                    Ok(response) => Ok((Response { uncertain, ..response }, credentials)),
                    Err(Failure { result, error }) => {
                        // A success that can't be used is most likely recorded.
                        let arrived = result.may_have_arrived() || matches!(result, AttemptResult::Status(200..=299));
                        Err(error.with_fate(may_repeat(request.retry_class, result), uncertain || arrived))
                    }
                };
            };
            uncertain |= result.may_have_arrived();
            tracing::debug!(?result, attempts, ?pause, "retrying");
            tokio::time::sleep(pause).await;
            attempts += 1;
        }
    }

    async fn attempt(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        time: Duration,
    ) -> Result<Response, Failure> {
        let mut builder = self.http.request(request.method.clone(), request.url.clone()).timeout(time);
        if request.with_key {
            builder = builder.header(AUTHORIZATION, credentials.authorization.clone());
        }
        if !request.body.is_empty() {
            builder =
                builder.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(request.body.clone());
        }
        let mut response = builder.send().await.map_err(|source| failure(source, None))?;
        let status = response.status().as_u16();
        let unusable = |message: &'static str| Failure {
            // Not lost: a repeat would end in the same way.
            result: AttemptResult::Status(status),
            error: Error::new(ErrorKind::Unexpected).with_status(Some(status)).with_message(message),
        };
        if response.url() != request.url {
            // This response comes from another server.
            return Err(unusable("the call was redirected"));
        }
        let retry_after = retry_after(response.headers(), SystemTime::now());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|source| failure(source, Some(status)))? {
            if chunk.len() > RESPONSE_LIMIT - body.len() {
                return Err(unusable("the response is larger than 1 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, retry_after, body, uncertain: false })
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Converts an error of reqwest. The URL is removed from the source, because it may contain secrets.
fn failure(source: reqwest::Error, status: Option<u16>) -> Failure {
    let result = if source.is_connect() { AttemptResult::NotSent } else { AttemptResult::Lost };
    let kind = if source.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Transport };
    let mut error = Error::new(kind).with_status(status);
    if let Some(deepest) = deepest(&source) {
        error = error.with_message(redact::message(&deepest, None));
    }
    Failure { result, error: error.with_source(source.without_url()) }
}

/// The message of the innermost cause ("Connection refused"), which the outer ones hide.
fn deepest(error: &dyn std::error::Error) -> Option<String> {
    let mut source = error.source()?;
    while let Some(inner) = source.source() {
        source = inner;
    }
    Some(source.to_string())
}

/// Reads `Retry-After`, which is in seconds or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, expected) in [
            ("120", Some(Duration::from_secs(120))),
            (" 0 ", Some(Duration::ZERO)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(Duration::from_secs(60))),
            ("Sun, 06 Nov 1994 08:40:37 GMT", Some(Duration::ZERO)),
            ("-1", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            assert_eq!(retry_after(&headers, now), expected, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
