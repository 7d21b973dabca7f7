//! One call over HTTP: its tries, its time limits, and its answer, read up to a bound.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::{
    Method, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use tokio::time::Instant;

use crate::{
    Error,
    answer::Answer,
    api_key::ApiKey,
    error::Kind,
    retry::{self, CallKind, Ending, may_repeat},
};

/// How much of an answer is read, in bytes: 1 MiB.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The whole call with its retries.
    pub call: Duration,
    /// One try, from the connection to the end of the answer.
    pub request: Duration,
    /// The tries of a call.
    pub tries: u32,
}

/// What is asked.
pub(crate) struct Request {
    /// The call's name and what it is about, for the log.
    pub call: &'static str,
    pub about: String,
    pub kind: CallKind,
    pub method: Method,
    pub url: Url,
    pub body: Option<Bytes>,
    pub with_key: bool,
}

/// The way to the service.
pub(crate) struct Transport {
    http: reqwest::Client,
    limits: Limits,
    key: ApiKey,
    authorization: HeaderValue,
}

/// A try without a whole answer.
struct Failure {
    ending: Ending,
    error: Error,
}

impl Transport {
    pub(crate) fn new(http: reqwest::Client, limits: Limits, key: ApiKey) -> Result<Self, Error> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", key.expose()))
            .map_err(|_| Error::invalid("the API key can't stand in a header"))?;
        authorization.set_sensitive(true);
        Ok(Self { http, limits, key, authorization })
    }

    pub(crate) fn key(&self) -> &str {
        self.key.expose()
    }

    /// Makes the call, and again while that does no harm and there is time.
    pub(crate) async fn call(&self, request: &Request) -> Result<Answer, Error> {
        let deadline = Instant::now() + self.limits.call;
        let mut uncertain = false;
        let mut tries = 1;
        loop {
            let time_left = deadline.saturating_duration_since(Instant::now());
            let outcome = self.attempt(request, time_left.min(self.limits.request)).await;
            let (ending, asked) = match &outcome {
                Ok(answer) => (Ending::Status(answer.status), answer.asked_wait()),
                Err(failure) => (failure.ending, None),
            };
            let again = (tries < self.limits.tries && may_repeat(request.kind, ending))
                .then(|| {
                    let time_left = deadline.saturating_duration_since(Instant::now());
                    retry::wait(tries, asked, fastrand::f64(), time_left)
                })
                .flatten();
            let Some(wait) = again else {
                return match outcome {
                    Ok(answer) => Ok(Answer { uncertain, ..answer }),
                    Err(Failure { ending, error }) => {
                        // A success that can't be used is most likely recorded.
                        let arrived = ending.may_have_arrived() || matches!(ending, Ending::Status(200..=299));
                        Err(error.with_fate(may_repeat(request.kind, ending), uncertain || arrived))
                    }
                };
            };
            uncertain |= ending.may_have_arrived();
            tracing::debug!(?ending, tries, ?wait, "trying again");
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }

    async fn attempt(&self, request: &Request, time: Duration) -> Result<Answer, Failure> {
        let mut builder = self.http.request(request.method.clone(), request.url.clone()).timeout(time);
        if request.with_key {
            builder = builder.header(AUTHORIZATION, self.authorization.clone());
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body.clone());
        }
        let mut response = builder.send().await.map_err(|source| failure(source, None))?;
        let status = response.status().as_u16();
        if response.url() != &request.url {
            return Err(Failure {
                // Somebody else has had the request; what they say is not the service's word.
                ending: Ending::Status(status),
                error: Error::new(Kind::Unexpected).with_status(Some(status)).with_message("the call was redirected"),
            });
        }
        let retry_after = retry_after(response.headers(), SystemTime::now());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|source| failure(source, Some(status)))? {
            if chunk.len() > ANSWER_LIMIT - body.len() {
                return Err(Failure {
                    // Not a lost answer: a repeat would be as long.
                    ending: Ending::Status(status),
                    error: Error::new(Kind::Unexpected)
                        .with_status(Some(status))
                        .with_message("an answer of over 1 MiB"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, retry_after, body, uncertain: false })
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("limits", &self.limits).field("key", &self.key).finish_non_exhaustive()
    }
}

/// What a failed try means. The URL is left out of the source: it may have come with secrets of the user's.
fn failure(source: reqwest::Error, status: Option<u16>) -> Failure {
    let ending = if source.is_connect() { Ending::NotSent } else { Ending::Lost };
    let kind = if source.is_timeout() { Kind::Timeout } else { Kind::Transport };
    let mut error = Error::new(kind).with_status(status);
    if let Some(deepest) = deepest(&source) {
        error = error.with_message(crate::redact::words(&deepest, None));
    }
    Failure { ending, error: error.with_source(source.without_url()) }
}

/// The words of the innermost cause ("Connection refused"), which the outer ones hide.
fn deepest(error: &dyn std::error::Error) -> Option<String> {
    let mut source = error.source()?;
    while let Some(inner) = source.source() {
        source = inner;
    }
    Some(source.to_string())
}

/// `Retry-After`, in seconds or as a date.
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
