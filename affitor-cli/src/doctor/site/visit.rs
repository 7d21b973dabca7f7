//! Opens a page like a browser that runs no scripts: follows redirects within the site, and keeps cookies.

use std::{sync::Arc, time::Duration};

use affitor_core::network::is_public;
use reqwest::{Url, header::HeaderMap};

use super::{host, shown};
use crate::{
    browser::{Browser, location, navigation},
    check::Check,
    diagnosis::diagnose,
    dns::{NotPublic, Resolver, lookup},
    http::{self, read_beginning},
    proxy,
};

/// Limit of the whole visit.
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 5;
/// What follows in a page is not searched.
const BODY_LIMIT: usize = 1024 * 1024;

/// Does not look like a crawler, because servers that capture clicks ignore those.
const USER_AGENT: &str = concat!("Mozilla/5.0 (compatible; affitor-doctor/", env!("CARGO_PKG_VERSION"), ")");

/// The responses to a visitor who opens a page.
#[derive(Debug)]
pub(super) struct Visit {
    /// The first response, and that of each redirect.
    pub(super) hops: Vec<Hop>,
    /// Where the last response redirects to, if that was not followed.
    pub(super) not_followed: Option<NotFollowed>,
    /// Body of the last response: at most 1 MiB.
    pub(super) body: String,
}

/// One response.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) url: Url,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
}

/// Why a redirect was not followed.
#[derive(Debug)]
pub(super) enum NotFollowed {
    TooMany,
    /// Another site, which was not given.
    OtherSite(Url),
    /// A private address, although the site is public.
    Private(Url),
    /// The `Location` is missing or no URL.
    Invalid,
}

impl Visit {
    /// The response that the visitor sees.
    pub(super) fn page(&self) -> Option<&Hop> {
        self.hops.last()
    }

    /// The URLs in the order of the visit, with one that was not followed.
    pub(super) fn urls(&self) -> impl Iterator<Item = &Url> {
        let last = match &self.not_followed {
            Some(NotFollowed::OtherSite(url) | NotFollowed::Private(url)) => Some(url),
            _ => None,
        };
        self.hops.iter().map(|hop| &hop.url).chain(last)
    }
}

/// Opens a page.
///
/// # Errors
///
/// Returns the failed check if there is no response.
pub(super) async fn open(url: &Url) -> Result<Visit, Check> {
    let failed = |message: String| Check::failed("landing", message, "check --site, and that the site is running");
    match tokio::time::timeout(TIMEOUT, visit(url)).await {
        Ok(Ok(visit)) => Ok(visit),
        Ok(Err(error)) => Err(failed(diagnose(&error, url, "--site").message)),
        Err(_) => Err(failed(format!("{} did not respond within {} s", host(url), TIMEOUT.as_secs()))),
    }
}

async fn visit(url: &Url) -> Result<Visit, reqwest::Error> {
    // Behind a proxy, names are resolved elsewhere, but that of the proxy, which may be private.
    let addresses = lookup(host(url), 0).await.unwrap_or_default();
    let is_for_public_site =
        !proxy::is_used(url) && !addresses.is_empty() && addresses.iter().all(|address| is_public(address.ip()));
    let http = http::client(url).user_agent(USER_AGENT).dns_resolver(Arc::new(Resolver { is_for_public_site }));
    let mut browser = Browser::new(http.build()?);
    let (mut url, mut hops) = (url.clone(), Vec::new());
    loop {
        // As when somebody follows a link.
        let request = browser.http.get(url.clone()).headers(navigation("cross-site"));
        let response = match browser.send(request).await {
            Err(error) if !hops.is_empty() && NotPublic::is_reason_of(&error) => {
                return Ok(Visit { hops, not_followed: Some(NotFollowed::Private(url)), body: String::new() });
            }
            response => response?,
        };
        let hop = Hop { url: url.clone(), status: response.status().as_u16(), headers: response.headers().clone() };
        let next = next(&hop, hops.len());
        hops.push(hop);
        match next {
            Ok(Some(target)) => url = target,
            Ok(None) => {
                return Ok(Visit { hops, not_followed: None, body: read_beginning(response, BODY_LIMIT).await? });
            }
            Err(reason) => return Ok(Visit { hops, not_followed: Some(reason), body: String::new() }),
        }
    }
}

/// The URL to request next, or `None` at the end.
fn next(hop: &Hop, redirects: usize) -> Result<Option<Url>, NotFollowed> {
    if !matches!(hop.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let target = location(&hop.url, &hop.headers).ok_or(NotFollowed::Invalid)?;
    if !matches!(target.scheme(), "http" | "https") || !target.username().is_empty() {
        return Err(NotFollowed::Invalid);
    }
    if !is_same_site(host(&hop.url), host(&target)) {
        return Err(NotFollowed::OtherSite(target));
    }
    if redirects >= MAX_REDIRECTS { Err(NotFollowed::TooMany) } else { Ok(Some(target)) }
}

/// Whether a redirect from one host to the other stays within the site that was given: the same host, or one is below the
/// other, such as `shop.example` and `www.shop.example`.
fn is_same_site(one: &str, other: &str) -> bool {
    let is_below = |name: &str, parent: &str| {
        parent.contains('.') && name.strip_suffix(parent).is_some_and(|prefix| prefix.ends_with('.'))
    };
    one == other || is_below(one, other) || is_below(other, one)
}

/// For messages about a redirect.
pub(super) fn arrow(from: &Url, to: &Url) -> String {
    format!("the redirect from {} to {}", shown(from), shown(to))
}

/// A URL, and the headers of its response.
#[cfg(test)]
pub(super) type FakeHop<'a> = (&'a str, &'a [(&'static str, &'a str)]);

#[cfg(test)]
impl Visit {
    /// A visit with these responses. The last one is a page, the others are redirects.
    pub(super) fn fake(hops: &[FakeHop<'_>], body: &str) -> Self {
        let hop = |(number, (url, headers)): (usize, &FakeHop<'_>)| Hop {
            url: url.parse().unwrap(),
            status: if number + 1 == hops.len() { 200 } else { 302 },
            headers: headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
        };
        Self { hops: hops.iter().enumerate().map(hop).collect(), not_followed: None, body: body.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::is_same_site;

    #[test]
    fn redirects_that_stay_within_the_site() {
        for (one, other, expected) in [
            ("shop.example", "shop.example", true),
            ("shop.example", "www.shop.example", true),
            ("www.shop.example", "shop.example", true),
            ("go.shop.example", "www.shop.example", false),
            ("shop.example", "evilshop.example", false),
            ("shop.example", "example", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("localhost", "shop.localhost", false),
        ] {
            assert_eq!(is_same_site(one, other), expected, "{one} {other}");
        }
    }
}
