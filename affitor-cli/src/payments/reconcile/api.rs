//! Requests to a provider's API: one key, one URL, and a few retries.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{
    Client, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde_json::Value;

use crate::provider::PaymentProvider;
use crate::{diagnosis::diagnose, exit::Exit, failure::Failure, http, sanitize::sanitized, url::is_loopback};

/// Attempts of one request.
const ATTEMPTS: u32 = 5;

/// Delay after the first attempt, unless the provider names one. It doubles with each attempt.
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// Longest delay that the command waits for.
const MAX_DELAY: Duration = Duration::from_secs(60);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);

/// Largest response, in bytes. A page of 100 invoices with many lines has a few megabytes.
const BODY_LIMIT: usize = 64 << 20;

const URL_SOURCE: &str = "--api-url";

/// A provider's API. Cheap to clone.
#[derive(Clone)]
pub(super) struct Api {
    http: Client,
    base: Url,
    provider: PaymentProvider,
    key: Arc<str>,
}

/// Hides the key.
impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// Why an attempt failed.
struct Failed {
    failure: Failure,
    may_repeat: bool,
}

impl Api {
    pub(super) fn new(provider: PaymentProvider, key: &str, test: bool, url: Option<&str>) -> Result<Self, Failure> {
        let base = parse_url(url.unwrap_or(provider.default_url(test)))?;
        let mut headers = HeaderMap::new();
        for (name, value) in provider.headers() {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
            let message = format!("{} contains a character that no key has", provider.variable());
            Failure::usage(message, provider.permissions())
        })?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        let builder = http::client(&base)
            .default_headers(headers)
            .user_agent(concat!("affitor-cli/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT);
        let http = builder.build().map_err(|error| {
            Failure::usage(format!("cannot prepare requests: {error}"), "check the proxy settings in the environment")
        })?;
        Ok(Self { http, base, provider, key: key.into() })
    }

    /// Requests an object or a list. Returns `None` if it does not exist.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Option<Value>, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut attempt = 1;
        loop {
            let Failed { failure, may_repeat } = match self.attempt(&url).await {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            let delay = failure.retry_after.unwrap_or(FIRST_DELAY * 2_u32.pow(attempt - 1));
            if !may_repeat || attempt == ATTEMPTS || delay > MAX_DELAY {
                return Err(failure);
            }
            attempt += 1;
            // Up to a quarter more, so that concurrent requests do not return at the same moment.
            tokio::time::sleep(delay.mul_f64(1.0 + fastrand::f64() / 4.0)).await;
        }
    }

    /// Requests a list.
    pub(super) async fn list(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        let list = self.get(path, query).await?;
        list.ok_or_else(|| self.foreign("the list does not exist"))
    }

    async fn attempt(&self, url: &Url) -> Result<Option<Value>, Failed> {
        let unreachable = |error: reqwest::Error| {
            let diagnosis = diagnose(&error, &self.base, URL_SOURCE);
            // On this machine, the hint would be about the sandbox.
            let hint = if is_loopback(&self.base) { format!("check {URL_SOURCE}") } else { diagnosis.hint };
            let failure = Failure::new(Exit::Unreachable, diagnosis.message, hint);
            Failed { failure, may_repeat: true }
        };
        let response = self.http.get(url.clone()).send().await.map_err(unreachable)?;
        let (status, retry_after) = (response.status(), http::retry_after(response.headers()));
        let body = http::read_body(response, BODY_LIMIT).await.map_err(unreachable)?;
        let json = body.and_then(|body| serde_json::from_slice::<Value>(&body).ok());
        match (status, json) {
            (StatusCode::OK, Some(json)) => Ok(Some(json)),
            (StatusCode::OK, None) => {
                Err(Failed { failure: self.foreign("the response is not JSON"), may_repeat: false })
            }
            // Without JSON, the URL is not the provider's.
            (StatusCode::NOT_FOUND, Some(_)) => Ok(None),
            (status, json) => Err(self.rejected(status, retry_after, &json.unwrap_or_default())),
        }
    }

    fn rejected(&self, status: StatusCode, retry_after: Option<Duration>, body: &Value) -> Failed {
        let title = self.provider.name();
        let message = self.provider.error_message(body).unwrap_or_default();
        let message: String = sanitized(message.to_owned(), Some(&self.key)).chars().take(300).collect();
        let message = if message.is_empty() { message } else { format!(": {message}") };
        let (exit, text, hint) = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let text =
                    format!("{title} rejected the key in {} (status {})", self.provider.variable(), status.as_u16());
                (Exit::KeyRejected, text, self.provider.permissions().to_owned())
            }
            _ => {
                let text = format!("{title} responded with status {}", status.as_u16());
                (Exit::Unreachable, text, format!("retry, and check {URL_SOURCE} if it is set"))
            }
        };
        let may_repeat = status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::REQUEST_TIMEOUT
            || status.is_server_error();
        let retry_after = retry_after.filter(|_| may_repeat);
        Failed { failure: Failure { retry_after, ..Failure::new(exit, text + &message, hint) }, may_repeat }
    }

    /// The failure for a response that is not the provider's.
    pub(super) fn foreign(&self, problem: &str) -> Failure {
        let message = format!("{} does not respond as {}'s API does: {problem}", self.base, self.provider.name());
        Failure::new(Exit::Unreachable, message, format!("check {URL_SOURCE}"))
    }
}

/// Parses the URL, which must be `https:`, or on this machine.
fn parse_url(text: &str) -> Result<Url, Failure> {
    let rejected = |problem| Failure::usage(format!("--api-url {problem}"), "use a URL such as https://api.stripe.com");
    let url = Url::parse(text.trim()).map_err(|error| rejected(format!("is not a URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(rejected("contains more than a server and a path".to_owned()));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(rejected("must begin with https://, because the key would be readable on the network".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_sent_encrypted_or_stays_on_this_machine() {
        for url in ["https://api.stripe.com", "http://127.0.0.1:4010", "http://localhost:1/base", "https://[::1]/"] {
            assert!(parse_url(url).is_ok(), "{url}");
        }
        for url in ["http://api.stripe.com", "https://u:p@x.com", "https://x.com/?a=1", "ftp://127.0.0.1", "x", ""] {
            assert!(parse_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn debug_output_hides_the_key() {
        let api = Api::new(PaymentProvider::Stripe, "rk_live_secret", false, None).unwrap();
        assert!(!format!("{api:?}").contains("secret"));
    }
}
