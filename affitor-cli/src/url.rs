//! Helpers for the API URL.

use affitor_core::network::is_this_machine;
use reqwest::Url;

/// `host:port`.
pub(crate) fn host_and_port(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443))
}

/// Whether the URL is on this machine. The library applies the same rule: it allows `http:` there, and uses no proxy.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_this_machine)
}

/// The URL that was most likely meant by a text without a scheme.
pub(crate) fn with_scheme(text: &str) -> Option<String> {
    if text.contains('@') {
        return None;
    }
    let plain = Url::parse(&format!("http://{text}")).ok()?;
    if is_loopback(&plain) {
        return Some(plain.origin().ascii_serialization());
    }
    let url = Url::parse(&format!("https://{text}")).ok()?;
    url.host_str()?.contains('.').then(|| url.origin().ascii_serialization())
}
