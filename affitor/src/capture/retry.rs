//! The retry cookie: what a visitor gets whose click is not known yet.
//!
//! The retry cookie is searched in every request, since any instance may get it. Its name begins with `~`, which hardly occurs in
//! cookies, so the search is one `memchr`. An instance could skip the search while it has seen no landing for ten minutes; it would
//! then miss late clicks of other instances, to save that search.
//!
//! A click that may have arrived is not repeated, except by another instance, which can't know. Two clicks of one visitor cost a
//! partner nothing, and a shop that pays per click a second commission; a lost click costs the partner everything. Knowing nothing,
//! the other instance decides for the partner.

use percent_encoding::{percent_decode, utf8_percent_encode};
use reqwest::Url;

use super::{
    component::COMPONENT,
    landing::{Landing, MAX_URL, landing},
    origin::Domain,
};

/// Name of the cookie. Every request is searched for it, and a rare first character makes that cheap.
pub(super) const RETRY_COOKIE: &str = "~affitor_retry";

/// How long the cookie is kept, in seconds.
pub(super) const RETRY_SECONDS: i64 = 600;

/// What finds the result of a call. It is random, so that nobody can ask for another visitor's click.
pub(super) type Token = [u8; 16];

/// What the cookie says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Retry {
    pub(super) token: Token,
    /// Whether the call was made.
    pub(super) is_called: bool,
    pub(super) landing: Landing,
}

/// Returns a new token, or `None` if the system has no randomness.
pub(super) fn new_token() -> Option<Token> {
    let mut token = Token::default();
    getrandom::fill(&mut token).ok()?;
    Some(token)
}

impl Retry {
    /// Returns the value of the cookie: `1` if the call was made, else `0`; the token in hex; a dot; and the landing URL.
    pub(super) fn to_value(&self) -> String {
        let (called, token) = (u8::from(self.is_called), u128::from_be_bytes(self.token));
        format!("{called}{token:032x}.{}", utf8_percent_encode(&self.landing.url, COMPONENT))
    }

    /// Reads the value of a cookie. It may come from anybody, so its URL is treated like that of a request.
    pub(super) fn read(value: &[u8], domain: &Domain, host: &str, kept: &[String]) -> Option<Self> {
        if value.len() > 34 + 3 * MAX_URL {
            return None;
        }
        let (token, url) = std::str::from_utf8(value).ok()?.split_once('.')?;
        let is_called = token.starts_with('1');
        let token = token.strip_prefix(['0', '1']).filter(|token| token.len() == 32)?;
        let token = u128::from_str_radix(token, 16).ok()?.to_be_bytes();
        let url = Url::parse(&percent_decode(url.as_bytes()).decode_utf8().ok()?).ok()?;
        let url_host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"))?;
        let is_ours = match domain {
            Domain::HostOnly => url_host == host,
            Domain::Shared(_) => domain.includes(url_host),
        };
        let landing = landing(&url, url.path(), url.query()?, super::landing::PARAMETER, kept)?;
        is_ours.then_some(Self { token, is_called, landing })
    }
}
