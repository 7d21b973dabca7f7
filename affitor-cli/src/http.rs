//! What the command's own HTTP clients share: no redirects, no proxy for this machine, limited bodies, and `Retry-After`.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use reqwest::{
    ClientBuilder, Response, Url,
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};

use crate::{dns::Resolver, url::is_loopback};

/// Longest delay of a server that is believed. A longer one is shortened to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Returns a builder for requests to this URL. A redirect could lead a secret elsewhere, so none is followed.
pub(crate) fn client(url: &Url) -> ClientBuilder {
    let builder = reqwest::Client::builder().redirect(Policy::none()).dns_resolver(Arc::new(Resolver::default()));
    if is_loopback(url) { builder.no_proxy() } else { builder }
}

/// Reads the body, or returns `None` if it is larger than `limit` bytes.
///
/// # Errors
///
/// Returns an error if the connection fails.
pub(crate) async fn read_body(mut response: Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(data) = response.chunk().await? {
        if body.len() + data.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&data);
    }
    Ok(Some(body))
}

/// Reads the beginning of the body: at most `limit` bytes.
///
/// # Errors
///
/// Returns an error if the connection fails.
pub(crate) async fn read_beginning(mut response: Response, limit: usize) -> Result<String, reqwest::Error> {
    let mut body = Vec::new();
    while body.len() < limit {
        let Some(data) = response.chunk().await? else { break };
        body.extend_from_slice(&data[..data.len().min(limit - body.len())]);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// The delay that the server requests, in seconds or as a date: at most 30 days.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let delay = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok()?,
    };
    Some(delay.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn delays_are_limited() {
        for (text, expected) in [
            ("3", Some(3)),
            (" 3 ", Some(3)),
            ("18446744073709551615", Some(30 * 24 * 60 * 60)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(30 * 24 * 60 * 60)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", None),
            ("99999999999999999999", None),
            ("-1", None),
            ("soon", None),
        ] {
            let headers = [(RETRY_AFTER, HeaderValue::from_static(text))].into_iter().collect();
            assert_eq!(retry_after(&headers).map(|delay| delay.as_secs()), expected, "{text}");
        }
    }
}
