//! Opens a page like a browser that runs no scripts: follows redirects within the site, and keeps cookies.

use std::{collections::BTreeMap, time::Duration};

use cookie::Cookie;
use reqwest::{
    Client, Response, Url,
    header::{ACCEPT, COOKIE, HeaderMap, LOCATION, SET_COOKIE},
};

use super::{host, shown};
use crate::{check::Check, diagnosis::diagnose, http};

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
            Some(NotFollowed::OtherSite(url)) => Some(url),
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
    let client = http::client(url).user_agent(USER_AGENT).build()?;
    let (mut url, mut hops, mut cookies) = (url.clone(), Vec::new(), BTreeMap::new());
    loop {
        let response = request(&client, &url, &cookies).await?;
        let hop = Hop { url: url.clone(), status: response.status().as_u16(), headers: response.headers().clone() };
        let next = next(&hop, hops.len());
        remember(&hop, &mut cookies);
        hops.push(hop);
        match next {
            Ok(Some(target)) => url = target,
            Ok(None) => return Ok(Visit { hops, not_followed: None, body: read(response).await? }),
            Err(reason) => return Ok(Visit { hops, not_followed: Some(reason), body: String::new() }),
        }
    }
}

/// Requests a page as a browser does when somebody follows a link.
async fn request(
    client: &Client,
    url: &Url,
    cookies: &BTreeMap<(String, String), String>,
) -> Result<Response, reqwest::Error> {
    let mut request = client
        .get(url.clone())
        .header(ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-site", "cross-site");
    let of_host = cookies.iter().filter(|((domain, _), _)| domain == host(url));
    let line: Vec<String> = of_host.map(|((_, name), value)| format!("{name}={value}")).collect();
    if !line.is_empty() {
        request = request.header(COOKIE, line.join("; "));
    }
    request.send().await
}

/// Stores the cookies of a response, for the same host only.
fn remember(hop: &Hop, cookies: &mut BTreeMap<(String, String), String>) {
    for line in hop.headers.get_all(SET_COOKIE) {
        let Some(cookie) = line.to_str().ok().and_then(|line| Cookie::parse(line).ok()) else { continue };
        cookies.insert((host(&hop.url).to_owned(), cookie.name().to_owned()), cookie.value().to_owned());
    }
}

/// The URL to request next, or `None` at the end.
fn next(hop: &Hop, redirects: usize) -> Result<Option<Url>, NotFollowed> {
    if !matches!(hop.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = hop.headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let target = location.and_then(|location| hop.url.join(location).ok()).ok_or(NotFollowed::Invalid)?;
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

/// Reads the beginning of a body.
async fn read(mut response: Response) -> Result<String, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(data) = response.chunk().await? {
        let free = BODY_LIMIT - body.len();
        body.extend_from_slice(&data[..data.len().min(free)]);
        if data.len() >= free {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
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
