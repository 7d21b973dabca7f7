//! How a client is made.

use std::{env, fmt, time::Duration};

use reqwest::Url;

use crate::{
    Client, Error,
    api_key::ApiKey,
    client::Endpoints,
    transport::{Limits, Transport},
};

/// The service's address, unless another is given.
pub(crate) const API_URL: &str = "https://api.affitor.com";

/// Longer than anybody waits, and far from where times overflow: a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes a [`Client`].
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
    api_url: Option<String>,
    program_id: Option<String>,
    http: Option<reqwest::Client>,
    connect_timeout: Duration,
    limits: Limits,
    test_mode: bool,
    only_attributed: bool,
    allow_plain_http: bool,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            api_key: None,
            api_url: None,
            program_id: None,
            http: None,
            connect_timeout: Duration::from_secs(3),
            limits: Limits { call: Duration::from_secs(5), request: Duration::from_secs(4), tries: 3 },
            test_mode: false,
            only_attributed: false,
            allow_plain_http: false,
        }
    }
}

impl ClientBuilder {
    /// Takes from the environment what is there: `AFFITOR_API_KEY` (else `AFFITOR_API_TOKEN`, as some of the service's
    /// pages have it), `AFFITOR_API_URL` and `AFFITOR_PROGRAM_ID`. Variables that are empty are as if absent.
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name| variable(name).filter(|value| !value.trim().is_empty());
        let mut builder = Self::default();
        if let Some(key) = get("AFFITOR_API_KEY").or_else(|| get("AFFITOR_API_TOKEN")) {
            builder = builder.api_key(key);
        }
        if let Some(url) = get("AFFITOR_API_URL") {
            builder = builder.api_url(url.trim());
        }
        if let Some(program_id) = get("AFFITOR_PROGRAM_ID") {
            builder = builder.program_id(program_id.trim());
        }
        builder
    }

    /// Sets the program API key. Required.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(ApiKey::new(key));
        self
    }

    /// Sets the service's address. Default: `https://api.affitor.com`. It may have a path, for a proxy of one's own.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = Some(url.into());
        self
    }

    /// Sets the program's id, which test clicks, [`Client::status`] and Stripe metadata need.
    pub fn program_id(mut self, id: impl fmt::Display) -> Self {
        self.program_id = Some(id.to_string());
        self
    }

    /// Uses this HTTP client. Its proxies, TLS and connect time-out are then its own. Make it with
    /// `redirect(Policy::none())`: an answer that comes from elsewhere is not believed, but the request would have gone
    /// there.
    pub fn http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Limits a whole call with its retries. Default: 5 s; at most a day.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limits.call = limit.min(LONGEST);
        self
    }

    /// Limits one try, from the connection to the end of the answer. Default: 4 s.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.limits.request = limit.min(LONGEST);
        self
    }

    /// Limits how long a connection may take to be made. Default: 3 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit.min(LONGEST);
        self
    }

    /// Sets how often a call is tried in all, where repeating does no harm. Default: 3. 0 counts as 1.
    pub fn max_attempts(mut self, tries: u32) -> Self {
        self.limits.tries = tries.max(1);
        self
    }

    /// Makes every event a test event, kept apart by the service. A refund is not sent at all then: the service has no
    /// test refund.
    pub fn test_mode(mut self, on: bool) -> Self {
        self.test_mode = on;
        self
    }

    /// Sends no lead that has no click id, and so no e-mail address of a person whom no partner brought. By default
    /// such leads are sent, as the service's own recipe does.
    pub fn only_attributed(mut self, on: bool) -> Self {
        self.only_attributed = on;
        self
    }

    /// Lets the key travel over `http://` to a host that is not loopback. For a service mesh that encrypts by itself.
    pub fn allow_plain_http(mut self, on: bool) -> Self {
        self.allow_plain_http = on;
        self
    }

    /// Makes the client. Costs a few milliseconds (TLS roots): once per app, never per request.
    ///
    /// # Errors
    ///
    /// An error for which [`Error::is_invalid`] holds, when the key is missing or can't be one, or the URL is none, not
    /// `https` (unless its host is loopback, or [`allow_plain_http`](Self::allow_plain_http)) or needs TLS where no such
    /// feature is on, or holds a user, a query or a fragment; and one for which [`Error::is_transport`] holds, when TLS can't be set up.
    pub fn build(self) -> Result<Client, Error> {
        let key = self.api_key.ok_or_else(|| {
            Error::invalid("no API key: set AFFITOR_API_KEY, or use Client::disabled() where there is none")
        })??;
        let (url, loopback) = api_url(self.api_url.as_deref().unwrap_or(API_URL), self.allow_plain_http)?;
        let http = match self.http {
            Some(http) => http,
            None if !HAS_TLS && url.scheme() == "https" => {
                return Err(Error::invalid(
                    "https needs TLS: enable the feature rustls or native-tls, or hand in an http_client",
                ));
            }
            None => {
                let mut http = reqwest::Client::builder()
                    .user_agent(concat!("affitor-rust/", env!("CARGO_PKG_VERSION")))
                    .redirect(reqwest::redirect::Policy::none())
                    .connect_timeout(self.connect_timeout);
                if loopback {
                    http = http.no_proxy();
                }
                http.build().map_err(|source| {
                    Error::new(crate::error::Kind::Transport)
                        .with_message("TLS could not be set up")
                        .with_source(source)
                })?
            }
        };
        let endpoints = Endpoints::new(&url, self.program_id.as_deref())?;
        let transport = Transport::new(http, self.limits, key)?;
        Ok(Client::connected(transport, endpoints, self.program_id, self.test_mode, self.only_attributed))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("api_key", &self.api_key)
            .field("api_url", &self.api_url.as_deref().map(crate::redact::Redacted))
            .field("program_id", &self.program_id)
            .field("connect_timeout", &self.connect_timeout)
            .field("limits", &self.limits)
            .field("test_mode", &self.test_mode)
            .field("only_attributed", &self.only_attributed)
            .field("allow_plain_http", &self.allow_plain_http)
            .finish_non_exhaustive()
    }
}

/// The service's address, fit to be joined with a path, and whether it is loopback.
fn api_url(text: &str, allow_plain_http: bool) -> Result<(Url, bool), Error> {
    let mut url = Url::parse(text).map_err(|source| {
        Error::invalid("the API URL (AFFITOR_API_URL) is not a valid URL: it needs https://, or http:// for loopback")
            .with_source(source)
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::invalid("the API URL may not hold a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::invalid("the API URL may not hold a query or fragment"));
    }
    let loopback = is_loopback(&url);
    match url.scheme() {
        "https" => {}
        "http" if loopback || allow_plain_http => {}
        "http" => {
            return Err(Error::invalid(
                "the API URL must be https: the key would travel in the clear (ClientBuilder::allow_plain_http permits it)",
            ));
        }
        other => {
            return Err(Error::invalid(format!(
                "the API URL (AFFITOR_API_URL) needs https://, or http:// for loopback; its scheme is {other}"
            )));
        }
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok((url, loopback))
}

/// Whether one of the TLS features is on.
const HAS_TLS: bool = cfg!(any(
    feature = "rustls",
    feature = "rustls-no-provider",
    feature = "native-tls",
    feature = "native-tls-vendored"
));

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let name = host.strip_suffix('.').unwrap_or(host);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    match address {
        Ok(address) => address.is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
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
            let got = api_url(text, plain);
            assert_eq!(got.is_ok(), good, "{text}: {got:?}");
            assert!(got.is_ok() || got.is_err_and(|error| error.is_invalid()), "{text}");
        }
        let (url, _) = api_url("https://proxy.example/affitor", false).unwrap();
        assert_eq!(url.as_str(), "https://proxy.example/affitor/");
    }

    #[test]
    fn the_environment() {
        let with = |variables: &'static [(&'static str, &'static str)]| {
            ClientBuilder::from_variables(move |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(with(&[]).build().unwrap_err().is_invalid());
        assert!(with(&[("AFFITOR_API_KEY", " ")]).build().unwrap_err().is_invalid());
        assert!(with(&[("AFFITOR_API_KEY", "affk_1")]).build().unwrap_err().is_invalid());
        assert!(with(&[("AFFITOR_API_TOKEN", "aff_1")]).build().is_ok());
        let all = with(&[
            ("AFFITOR_API_KEY", "aff_secret\n"),
            ("AFFITOR_API_URL", "http://127.0.0.1:4010\n"),
            ("AFFITOR_PROGRAM_ID", "42"),
        ]);
        assert!(!format!("{all:?}").contains("aff_secret"));
        let client = all.build().unwrap();
        assert_eq!(client.program_id(), Some("42"));
        assert!(!format!("{client:?}").contains("aff_secret"));
    }
}
