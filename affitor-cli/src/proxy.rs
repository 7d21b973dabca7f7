//! Whether a request goes through a proxy.

use std::env;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use crate::settings::is_loopback;

/// The variable that names the proxy of this URL. The HTTP library decides with the same `Matcher`, which knows
/// `NO_PROXY`; the client uses none for this machine, and nothing else is asked without TLS.
pub(crate) fn variable(url: &Url) -> Option<&'static str> {
    if is_loopback(url) {
        return None;
    }
    Matcher::from_env().intercept(&url.as_str().parse().ok()?)?;
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .find(|name| env::var(name).is_ok_and(|value| !value.is_empty()))
}
