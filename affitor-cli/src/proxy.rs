//! Finds the environment variable that sets a request's proxy.

use std::env;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use crate::url::is_loopback;

/// Returns whether requests to this URL go through a proxy.
pub(crate) fn is_used(url: &Url) -> bool {
    let intercepts = |url: &Url| Matcher::from_env().intercept(&url.as_str().parse().ok()?);
    !is_loopback(url) && intercepts(url).is_some()
}

/// Returns the name of the variable that sets the proxy for this URL, or `None` if no proxy is used.
///
/// The HTTP client decides with the same `Matcher`, which respects `NO_PROXY`. `HTTP_PROXY` is not checked: only URLs on
/// this machine can be unencrypted, and those never use a proxy.
pub(crate) fn variable(url: &Url) -> Option<&'static str> {
    if !is_used(url) {
        return None;
    }
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .find(|name| env::var(name).is_ok_and(|value| !value.is_empty()))
}
