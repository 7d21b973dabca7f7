//! Building a client.

mod environment;
mod tls;

use std::{
    error::Error as StdError,
    fmt,
    future::Future,
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

use affitor_core::{network::is_this_machine, redact::RedactedUrl};
use reqwest::Url;

use super::Client;
use crate::{
    error::Error,
    key::{ApiKey, KeySource, Keys, read_file},
    queue::QueueSettings,
    settings::{LeadsWithoutClick, Settings},
    wire::{Connection, Limits, Transport},
};

/// Default URL of the API.
const API_URL: &str = "https://api.affitor.com";

/// Maximum of all time limits: a day. Far from where times overflow.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Builds a [`Client`].
///
/// ```
/// use std::time::Duration;
/// use affitor::Client;
///
/// let client = Client::builder()
///     .api_key("aff_0123456789")
///     .program_id(42)
///     .timeout(Duration::from_secs(3))
///     .build()?;
/// # Ok::<(), affitor::Error>(())
/// ```
#[must_use = "a builder does nothing until it builds"]
pub struct ClientBuilder {
    api_key: Option<Result<ApiKey, Error>>,
    key_source: KeySource,
    api_url: Option<Result<String, Error>>,
    http: Option<reqwest::Client>,
    connect_timeout: Duration,
    limits: Limits,
    settings: Settings,
    queue: QueueSettings,
    allow_plain_http: bool,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            api_key: None,
            key_source: KeySource::Fixed,
            api_url: None,
            http: None,
            connect_timeout: Duration::from_secs(3),
            limits: Limits { call: Duration::from_secs(5), request: Duration::from_secs(4), attempts: 3 },
            settings: Settings::default(),
            queue: QueueSettings::default(),
            allow_plain_http: false,
        }
    }
}

impl ClientBuilder {
    /// Sets the program API key. Required. A blank one counts as missing.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        let key = key.into();
        self.api_key = (!key.trim().is_empty()).then(|| ApiKey::new(key));
        self
    }

    /// Reads the program API key from a file, without the white space around it. When the service rejects the key, the file is
    /// read again, at most every 5 seconds, and the call is repeated once if the key has changed. So a key can be rotated
    /// without a restart: a new key makes the old one invalid at once.
    pub fn api_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key_source = KeySource::File(path.into());
        self
    }

    /// Gets the program API key from a function, for example one that asks a secrets manager. The function runs before the first
    /// call, unless [`api_key`](Self::api_key) is set as well. It runs again when the service rejects the key, as with
    /// [`api_key_file`](Self::api_key_file). The time that it takes counts towards the call's [`timeout`](Self::timeout).
    ///
    /// ```
    /// # async fn secret(_: &str) -> Result<String, std::io::Error> { Ok("aff_0123456789".to_owned()) }
    /// let client = affitor::Client::builder().api_key_fn(|| secret("affitor")).build()?;
    /// # Ok::<(), affitor::Error>(())
    /// ```
    pub fn api_key_fn<F, Fut, E>(mut self, read: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.key_source = KeySource::function(read);
        self
    }

    /// Sets the URL of the API. Default, also for a blank text: `https://api.affitor.com`. It may have a path, if your proxy serves the API
    /// there.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        let url = url.into();
        self.api_url = (!url.trim().is_empty()).then_some(Ok(url));
        self
    }

    /// Sets the program id, a number; a blank text is none. Test clicks, [`Client::status`] and Stripe metadata need it.
    pub fn program_id(mut self, id: impl fmt::Display) -> Self {
        self.settings.program_id = Some(id.to_string()).filter(|id| !id.trim().is_empty());
        self
    }

    /// Sets the HTTP client. Its proxies, TLS and connect timeout apply. Build it with `redirect(Policy::none())`: this
    /// crate rejects a redirected response, but only after the request was sent to the other server.
    pub fn http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Limits a whole call with its retries. Default: 5 s. Maximum: a day.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limits.call = limit.min(MAX_TIMEOUT);
        self
    }

    /// Limits one attempt, from connecting to the end of the response. Default: 4 s.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.limits.request = limit.min(MAX_TIMEOUT);
        self
    }

    /// Limits how long connecting may take. Default: 3 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit.min(MAX_TIMEOUT);
        self
    }

    /// Sets the maximum number of attempts of a call that is safe to repeat. Default: 3. 0 counts as 1.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts.max(1);
        self
    }

    /// Makes every event a test event, which the service keeps apart (default: `false`). Refunds are not sent, because the
    /// service has no test refund.
    pub fn test_mode(mut self, on: bool) -> Self {
        self.settings.test_mode = on;
        self
    }

    /// Sets what is sent about sign-ups without a click, which are those of visitors whom no partner brought. Default:
    /// [`LeadsWithoutClick::WithoutEmail`], so the service gets no e-mail address of such a person. See
    /// [Privacy](crate::guides::privacy) for what depends on it.
    ///
    /// ```
    /// use affitor::{Client, LeadsWithoutClick};
    ///
    /// let builder = Client::builder().leads_without_click(LeadsWithoutClick::NotSent);
    /// ```
    pub fn leads_without_click(mut self, what: LeadsWithoutClick) -> Self {
        self.settings.leads_without_click = what;
        self
    }

    /// Sets how the client delivers the events that are [enqueued](Client::enqueue), from memory. Default: [`QueueSettings::new`].
    pub fn queue(mut self, settings: QueueSettings) -> Self {
        self.queue = settings;
        self
    }

    /// Allows `http://` to a host that is not loopback (default: `false`), for a service mesh that encrypts. The API key is
    /// sent in plain text.
    pub fn allow_plain_http(mut self, on: bool) -> Self {
        self.allow_plain_http = on;
        self
    }

    /// Builds the client, or a [disabled](Client::disabled) one if there is no API key, which it logs: for an app with a configuration of its
    /// own, whose key is optional. [`Client::from_env_or_disabled`] does it with the environment.
    ///
    /// ```
    /// # let configuration = std::collections::HashMap::from([("affitor_url", "http://127.0.0.1:4010")]);
    /// let key = configuration.get("affitor_key").copied().unwrap_or_default();
    /// let client = affitor::Client::builder().api_key(key).api_url(configuration["affitor_url"]).build_or_disabled()?;
    /// assert!(client.is_disabled());
    /// # Ok::<(), affitor::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`build`](Self::build), except that a missing key is not an error.
    pub fn build_or_disabled(self) -> Result<Client, Error> {
        if self.api_key.is_none() && matches!(self.key_source, KeySource::Fixed) {
            tracing::warn!("there is no API key, so the client is disabled: nothing is sent to Affitor");
            return Ok(Client::disabled());
        }
        self.build()
    }

    /// Builds the client. Takes a few milliseconds to load TLS roots: build one per app, not one per request.
    ///
    /// # Errors
    ///
    /// Returns an error for which [`Error::is_invalid`] returns `true` if the API key is missing or malformed; if its file
    /// can't be read; if environment variables contradict each other; if the program id is not a number; if the URL is malformed, contains a user, query or fragment, or is `http` (except for loopback or with
    /// [`allow_plain_http`](Self::allow_plain_http)); if the URL needs TLS, and neither the app nor a feature brings it. Returns an error
    /// for which [`Error::is_transport`] returns `true` if TLS can't be set up.
    pub fn build(self) -> Result<Client, Error> {
        let key = match (self.api_key, &self.key_source) {
            (Some(key), _) => Some(key?),
            (None, KeySource::File(path)) => Some(read_file(path)?),
            (None, KeySource::Function(_)) => None,
            (None, KeySource::Fixed) => {
                return Err(Error::invalid(
                    "no API key: set AFFITOR_API_KEY, or use Client::from_env_or_disabled() or build_or_disabled() in environments without one",
                ));
            }
        };
        let program_id = self.settings.program_id.as_deref();
        if program_id.is_some_and(|id| id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(Error::invalid(
                "the program id (AFFITOR_PROGRAM_ID) must be a number: copy it from the program's settings",
            ));
        }
        let text = self.api_url.transpose()?;
        let own_http = self.http.is_none();
        let (url, loopback) = api_url(text.as_deref().unwrap_or(API_URL), self.allow_plain_http, own_http)?;
        let http = match self.http {
            Some(http) => http,
            None => {
                let http = tls::Http::new()?.with(|http| {
                    let http = http.redirect(reqwest::redirect::Policy::none()).connect_timeout(self.connect_timeout);
                    if !loopback {
                        return http;
                    }
                    // Not by DNS, so nobody in the network can say where `x.localhost` is.
                    let here = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
                    http.no_proxy().resolve_to_addrs(url.host_str().unwrap_or_default(), &here)
                });
                http.build(url.scheme())?
            }
        };
        let transport = Transport::new(http, self.limits, Keys::new(key, self.key_source)?);
        Ok(Client::connected(Connection::new(transport, url, self.settings), self.queue))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("api_key", &self.api_key)
            .field("key_source", &self.key_source)
            .field("api_url", &self.api_url.as_ref().map(|url| url.as_deref().map(RedactedUrl)))
            .field("connect_timeout", &self.connect_timeout)
            .field("limits", &self.limits)
            .field("settings", &self.settings)
            .field("queue", &self.queue)
            .field("allow_plain_http", &self.allow_plain_http)
            .finish_non_exhaustive()
    }
}

/// Parses the URL of the API so that it can be joined with a path. Also returns whether its host is loopback: a name below `localhost` is
/// so only with a client of our own, because that of an app may ask DNS for it.
fn api_url(text: &str, allow_plain_http: bool, own_http: bool) -> Result<(Url, bool), Error> {
    let mut url = Url::parse(text).map_err(|source| {
        Error::invalid(format!("the API URL (AFFITOR_API_URL) is not a valid URL{}", suggestion(text)))
            .with_source(source)
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::invalid("the API URL must not contain a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::invalid("the API URL must not contain a query or fragment"));
    }
    let is_below_localhost = || url.host_str().is_some_and(|host| host.trim_end_matches('.').ends_with(".localhost"));
    let loopback = is_loopback(&url) && (own_http || !is_below_localhost());
    match url.scheme() {
        "https" => {}
        "http" if loopback || allow_plain_http => {}
        "http" => {
            return Err(Error::invalid(
                "the API URL must be https, or the API key is sent in plain text (ClientBuilder::allow_plain_http allows it)",
            ));
        }
        _ => {
            let why = "the API URL (AFFITOR_API_URL) must start with https://, or with http:// for loopback";
            return Err(Error::invalid(format!("{why}{}", suggestion(text))));
        }
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok((url, loopback))
}

/// Suggests the URL that was meant by a text without a scheme, such as `localhost:4410`.
fn suggestion(text: &str) -> String {
    let with = |scheme: &str| Url::parse(&format!("{scheme}://{text}")).ok().filter(|url| url.host().is_some());
    // A text with credentials is not repeated.
    let url = (!text.contains("://") && !text.contains('@')).then(|| with("http")).flatten();
    let Some(url) = url.filter(|url| is_loopback(url) || url.host_str().is_some_and(|host| host.contains('.'))) else {
        return String::new();
    };
    let scheme = if is_loopback(&url) { "http" } else { "https" };
    with(scheme).map_or_else(String::new, |url| format!(": did you mean {}?", url.origin().ascii_serialization()))
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_this_machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (text, plain, good) in [
            ("https://api.affitor.com", false, true),
            ("https://proxy.example/affitor", false, true),
            ("http://127.0.0.1:4010", false, true),
            ("http://127.8.8.8", false, true),
            ("http://[::1]:4010/", false, true),
            ("http://localhost:4010", false, true),
            ("http://api.localhost:4010", false, true),
            ("http://localhost.example.com", false, false),
            ("http://127.0.0.1.example.com", false, false),
            ("http://api.affitor.com", false, false),
            ("http://api.affitor.com", true, true),
            ("ftp://api.affitor.com", true, false),
            ("https://user@api.affitor.com", false, false),
            ("https://:secret@api.affitor.com", false, false),
            ("https://api.affitor.com/?key=1", false, false),
            ("https://api.affitor.com/#a", false, false),
            ("api.affitor.com", false, false),
            ("", false, false),
        ] {
            let got = api_url(text, plain, true);
            assert_eq!(got.is_ok(), good, "{text}: {got:?}");
            assert!(got.is_ok() || got.is_err_and(|error| error.is_invalid()), "{text}");
        }
        assert!(api_url("http://api.localhost:4010", false, false).is_err(), "an app's client may ask DNS");
        assert!(api_url("http://localhost:4010", false, false).is_ok());
        for (text, expected) in [
            ("localhost:4410", Some("http://localhost:4410")),
            ("127.0.0.1:4010", Some("http://127.0.0.1:4010")),
            ("api.affitor.com", Some("https://api.affitor.com")),
            ("user:secret@api.affitor.com", None),
            ("ftp://api.affitor.com", None),
            ("", None),
        ] {
            let message = api_url(text, false, true).unwrap_err().to_string();
            let suggested = expected.map(|url| format!("did you mean {url}?"));
            assert_eq!(message.contains("did you mean"), suggested.is_some(), "{text}: {message}");
            assert!(suggested.is_none_or(|suggested| message.contains(&suggested)), "{text}: {message}");
        }
        let (url, _) = api_url("https://proxy.example/affitor", false, true).unwrap();
        assert_eq!(url.as_str(), "https://proxy.example/affitor/");
    }
}
