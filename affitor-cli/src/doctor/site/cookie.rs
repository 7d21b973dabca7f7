//! The cookie with the click id, if the server sets it.

use affitor::ClickId;
use cookie::{
    Cookie, SameSite,
    time::{Duration, OffsetDateTime},
};
use reqwest::{Url, header::SET_COOKIE};

use super::{
    host,
    hosts::{covers, is_public},
    visit::Visit,
};
use crate::{browser::CLICK_ID_COOKIE, check::Check, format::count, url::is_loopback};

/// Lifetime in days below which a warning is given. Commissions of later sales need the click id of an earlier visit.
const MIN_DAYS: i64 = 30;
/// Maximum lifetime in days in today's browsers.
const MAX_DAYS: i64 = 400;

/// The cookie, and the response that set it.
#[derive(Debug)]
pub(super) struct ClickCookie {
    cookie: Cookie<'static>,
    url: Url,
    /// Number of the response in the visit.
    pub(super) hop: usize,
}

impl ClickCookie {
    /// Returns the last one that a response sets. Removals are ignored: they clear cookies of other domains.
    pub(super) fn find(visit: &Visit) -> Option<Self> {
        let lines =
            visit.hops.iter().enumerate().flat_map(|(number, hop)| {
                hop.headers.get_all(SET_COOKIE).into_iter().map(move |line| (number, hop, line))
            });
        let mut cookies =
            lines.filter_map(|(number, hop, line)| {
                let cookie = Cookie::parse(line.to_str().ok()?.to_owned()).ok()?;
                (cookie.name() == CLICK_ID_COOKIE && lifetime(&cookie).is_none_or(|seconds| seconds > 0))
                    .then(|| Self { cookie, url: hop.url.clone(), hop: number })
            });
        cookies.next_back()
    }

    /// The domain that it is set for, or `None` if only its own host gets it.
    pub(super) fn domain(&self) -> Option<&str> {
        self.cookie.domain().filter(|domain| !domain.is_empty())
    }
}

/// Lifetime in seconds, or `None` if it ends with the browser.
fn lifetime(cookie: &Cookie<'_>) -> Option<i64> {
    let max_age = cookie.max_age().map(Duration::whole_seconds);
    let expires = || Some((cookie.expires_datetime()? - OffsetDateTime::now_utc()).whole_seconds());
    max_age.or_else(expires)
}

/// Checks each attribute of the cookie.
pub(super) fn checks(cookie: Option<&ClickCookie>, has_tag: bool) -> Vec<Check> {
    let Some(found) = cookie else {
        return vec![if has_tag {
            Check::passed("cookie", "set by the tracker in the browser, with a lifetime that the browser may shorten")
        } else {
            Check::skipped("cookie", "neither the server nor a tag sets it")
        }];
    };
    let encrypted = found.url.scheme() == "https" || is_loopback(&found.url);
    vec![value(found), domain(found), path(found), secure(found, encrypted), same_site(found), age(found)]
}

fn value(found: &ClickCookie) -> Check {
    const NAME: &str = "cookie";
    if ClickId::new(found.cookie.value()).is_err() {
        return Check::failed(
            NAME,
            format!("{CLICK_ID_COOKIE} is not a valid click id"),
            "set it to the id from the service only",
        );
    }
    if found.cookie.http_only() == Some(true) {
        let hint = "remove HttpOnly: the tracker and sign-ups by script read the cookie";
        return Check::warning(NAME, format!("the server sets {CLICK_ID_COOKIE} with HttpOnly"), hint);
    }
    Check::passed(NAME, format!("the server sets {CLICK_ID_COOKIE}"))
}

fn domain(found: &ClickCookie) -> Check {
    const NAME: &str = "cookie-domain";
    let host = host(&found.url);
    match found.domain() {
        None => Check::passed(NAME, format!("only {host}")),
        Some(domain) if is_public(domain) || !covers(domain, host) => Check::failed(
            NAME,
            format!("browsers reject Domain={domain} from {host}"),
            "use the host's own domain, or the one above it",
        ),
        Some(domain) => Check::passed(NAME, format!("{domain} and all hosts below it")),
    }
}

fn path(found: &ClickCookie) -> Check {
    const NAME: &str = "cookie-path";
    match found.cookie.path() {
        Some("/") => Check::passed(NAME, "/"),
        path => {
            let path = path.map_or_else(|| "missing".to_owned(), |path| format!("{path:?}"));
            Check::failed(NAME, format!("Path is {path}, so other pages may not get the cookie"), "set Path=/")
        }
    }
}

fn secure(found: &ClickCookie, encrypted: bool) -> Check {
    const NAME: &str = "cookie-secure";
    match (found.cookie.secure() == Some(true), encrypted) {
        (true, false) => {
            Check::failed(NAME, "browsers reject a cookie with Secure over http", "serve the site over https")
        }
        (false, true) if !is_loopback(&found.url) => {
            Check::warning(NAME, "the cookie is sent without encryption too", "set Secure")
        }
        (false, _) => Check::passed(NAME, "Secure is not set; on the internet, it should be"),
        (true, true) => Check::passed(NAME, "sent over https only"),
    }
}

fn same_site(found: &ClickCookie) -> Check {
    const NAME: &str = "cookie-same-site";
    match found.cookie.same_site() {
        Some(SameSite::Lax) => Check::passed(NAME, "Lax"),
        Some(SameSite::None) if found.cookie.secure() != Some(true) => {
            Check::failed(NAME, "browsers reject SameSite=None without Secure", "set SameSite=Lax")
        }
        Some(SameSite::None) => Check::warning(
            NAME,
            "None: requests of other sites carry the cookie too",
            "set SameSite=Lax, like the tracker",
        ),
        Some(SameSite::Strict) => Check::warning(
            NAME,
            "Strict: a visitor who returns by a link of another site comes without the cookie",
            "set SameSite=Lax, like the tracker",
        ),
        None => {
            Check::warning(NAME, "not set: browsers differ in what they do then", "set SameSite=Lax, like the tracker")
        }
    }
}

fn age(found: &ClickCookie) -> Check {
    const NAME: &str = "cookie-lifetime";
    let Some(seconds) = lifetime(&found.cookie) else {
        let hint = "set Max-Age to the program's cookie window, or who returns tomorrow is not attributed";
        return Check::warning(NAME, "the cookie ends with the browser", hint);
    };
    // A date in `Expires` has become a little nearer since the response.
    let days = (seconds + 60) / (24 * 60 * 60);
    let message = count(u64::try_from(days).unwrap_or_default(), "day");
    if days < MIN_DAYS {
        return Check::warning(
            NAME,
            message,
            "set Max-Age to the program's cookie window, which `track_click` returns",
        );
    }
    if days > MAX_DAYS {
        return Check::passed(NAME, format!("{message}, of which browsers keep {MAX_DAYS}"));
    }
    Check::passed(NAME, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::CheckStatus::{self, Failed, Passed, Warning};

    const GOOD: &str = "affitor_click_id=cust_1; Path=/; Domain=shop.example; Max-Age=7776000; SameSite=Lax; Secure";

    fn found(url: &str, line: &str) -> Option<ClickCookie> {
        ClickCookie::find(&Visit::fake(&[(url, &[("set-cookie", line)])], ""))
    }

    #[test]
    fn attributes_of_the_cookie() {
        let https = "https://www.shop.example/";
        let cases: [(&str, &str, &str, &str, CheckStatus); 18] = [
            (https, "cust_1", "cust 1", "cookie", Failed),
            (https, "Secure", "Secure; HttpOnly", "cookie", Warning),
            (https, "Domain=shop.example; ", "", "cookie-domain", Passed),
            (https, "shop.example", ".shop.example", "cookie-domain", Passed),
            (https, "shop.example", "other.example", "cookie-domain", Failed),
            (https, "shop.example", "app.shop.example", "cookie-domain", Failed),
            (https, "shop.example", "example", "cookie-domain", Failed),
            (https, "Path=/; ", "", "cookie-path", Failed),
            (https, "Path=/", "Path=/shop", "cookie-path", Failed),
            (https, "; Secure", "", "cookie-secure", Warning),
            ("http://www.shop.example/", "", "", "cookie-secure", Failed),
            (https, "SameSite=Lax; ", "", "cookie-same-site", Warning),
            (https, "Lax", "Strict", "cookie-same-site", Warning),
            (https, "Lax; Secure", "None", "cookie-same-site", Failed),
            (https, "Lax", "None", "cookie-same-site", Warning),
            (https, "Max-Age=7776000; ", "", "cookie-lifetime", Warning),
            (https, "7776000", "86400", "cookie-lifetime", Warning),
            (https, "Max-Age=7776000", "Expires=Fri, 01 Jan 2100 00:00:00 GMT", "cookie-lifetime", Passed),
        ];
        for (url, part, replacement, name, expected) in cases {
            let line = if part.is_empty() { GOOD.to_owned() } else { GOOD.replace(part, replacement) };
            let found = found(url, &line).unwrap();
            let checks = checks(Some(&found), false);
            let check = checks.iter().find(|check| check.name == name).unwrap();
            assert_eq!(check.status, expected, "{line}: {}", check.message);
            let others = checks.iter().filter(|check| check.name != name && url == https);
            assert!(others.clone().all(|check| check.status == Passed) || line.ends_with("None"), "{line}: {checks:?}");
        }
        let good = found(https, GOOD).unwrap();
        assert!(checks(Some(&good), false).iter().all(|check| check.status == Passed));
        assert_eq!(checks(Some(&good), false).last().unwrap().message, "90 days");
    }

    #[test]
    fn removals_and_other_cookies_are_ignored() {
        let lines = [
            ("set-cookie", "session=1; Path=/"),
            ("set-cookie", GOOD),
            ("set-cookie", "affitor_click_id=; Max-Age=0; Path=/"),
            ("set-cookie", "affitor_click_id=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        ];
        let found = ClickCookie::find(&Visit::fake(&[("https://www.shop.example/", &lines)], "")).unwrap();
        assert_eq!((found.cookie.value(), found.domain()), ("cust_1", Some("shop.example")));
        assert!(self::found("https://shop.example/", lines[2].1).is_none());
    }
}
