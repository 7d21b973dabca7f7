//! Whether a shared cache may keep the page, with the cookie of one visitor for all others.

use std::time::SystemTime;

use reqwest::header::{AGE, CACHE_CONTROL, EXPIRES, HeaderMap, SET_COOKIE};

use super::{cookie::ClickCookie, visit::Visit};
use crate::{check::Check, sanitize::printable};

const NAME: &str = "cache";

/// Checks the response that sets the cookie.
pub(super) fn check(visit: &Visit, cookie: Option<&ClickCookie>) -> Check {
    let Some(cookie) = cookie else {
        return Check::passed(NAME, "the server sets no cookie with a click id, so caches may keep the page");
    };
    let Some(hop) = visit.hops.get(cookie.hop) else { return Check::skipped(NAME, "there is no response") };
    let failed = |why: String| {
        Check::failed(
            NAME,
            format!("a shared cache may give this visitor's click id to others: {why}"),
            "send `Cache-Control: private` or `no-store` with the cookie, and check the rules of the CDN",
        )
    };
    match sharing(&hop.headers) {
        Sharing::Shared(why) => failed(printable(&why)),
        Sharing::Private => Check::passed(NAME, "no shared cache may keep the page with the cookie"),
        Sharing::Unsaid => Check::warning(
            NAME,
            "the response with the cookie does not say whether caches may keep it",
            "send `Cache-Control: private` or `no-store` with the cookie",
        ),
    }
}

/// What a response says to shared caches.
#[derive(Debug, PartialEq, Eq)]
enum Sharing {
    /// They may keep it, with the reason.
    Shared(String),
    Private,
    Unsaid,
}

/// Headers that are meant for a CDN only, and override `Cache-Control` there.
const FOR_CDNS: [&str; 3] = ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control"];

fn sharing(headers: &HeaderMap) -> Sharing {
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse::<u64>().ok());
    if let Some(age) = age.filter(|_| headers.contains_key(SET_COOKIE)) {
        return Sharing::Shared(format!("it comes from a cache already (Age: {age})"));
    }
    for name in FOR_CDNS {
        if let Sharing::Shared(why) = directives(&joined(headers, name), name) {
            return Sharing::Shared(why);
        }
    }
    let said = directives(&joined(headers, CACHE_CONTROL.as_str()), "Cache-Control");
    if said != Sharing::Unsaid {
        return said;
    }
    let expires = headers.get(EXPIRES).and_then(|date| date.to_str().ok()).map(httpdate::parse_http_date);
    match expires {
        Some(Ok(date)) if date > SystemTime::now() => Sharing::Shared("Expires is in the future".to_owned()),
        // An invalid date counts as one in the past.
        Some(_) => Sharing::Private,
        None => Sharing::Unsaid,
    }
}

fn joined(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(", ")
}

/// Reads the directives of one header.
fn directives(text: &str, header: &str) -> Sharing {
    let lower = text.to_ascii_lowercase();
    let directives: Vec<(&str, Option<u64>)> = lower
        .split(',')
        .map(|directive| {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            (name.trim(), value.trim().trim_matches('"').parse().ok())
        })
        .collect();
    let has = |name: &str| directives.iter().any(|(known, _)| *known == name);
    let seconds = |name: &str| directives.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value);
    let shared = || Sharing::Shared(format!("{header}: {}", text.trim()));
    if has("no-store") || has("private") {
        return Sharing::Private;
    }
    // For shared caches, `s-maxage` overrides `max-age`.
    match seconds("s-maxage").or_else(|| seconds("max-age")) {
        Some(0) => Sharing::Private,
        Some(_) if has("no-cache") => Sharing::Private,
        Some(_) => shared(),
        None if has("no-cache") => Sharing::Private,
        None if has("public") => shared(),
        None => Sharing::Unsaid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_caches_are_told() {
        for (headers, is_shared) in [
            (vec![], None),
            (vec![("cache-control", "private")], Some(false)),
            (vec![("cache-control", "no-store, max-age=60")], Some(false)),
            (vec![("cache-control", "no-cache")], Some(false)),
            (vec![("cache-control", "max-age=0, must-revalidate")], Some(false)),
            (vec![("cache-control", "public, max-age=0, s-maxage=60")], Some(true)),
            (vec![("cache-control", "s-maxage=0, max-age=60")], Some(false)),
            (vec![("cache-control", "max-age=60")], Some(true)),
            (vec![("cache-control", "Public")], Some(true)),
            (vec![("cache-control", "must-revalidate")], None),
            (vec![("cache-control", "private"), ("cdn-cache-control", "max-age=60")], Some(true)),
            (vec![("cache-control", "private"), ("surrogate-control", "no-store")], Some(false)),
            (vec![("expires", "Fri, 01 Jan 2100 00:00:00 GMT")], Some(true)),
            (vec![("expires", "0")], Some(false)),
            (vec![("cache-control", "private"), ("age", "3"), ("set-cookie", "a=b")], Some(true)),
        ] {
            let map: HeaderMap = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect::<HeaderMap<reqwest::header::HeaderValue>>();
            let found = sharing(&map);
            let expected = match found {
                Sharing::Shared(_) => Some(true),
                Sharing::Private => Some(false),
                Sharing::Unsaid => None,
            };
            assert_eq!(expected, is_shared, "{headers:?}: {found:?}");
        }
    }
}
