//! The landing page itself: whether it can be opened, and over https.

use reqwest::header::CONTENT_TYPE;

use super::{
    host, shown,
    visit::{NotFollowed, Visit, arrow},
};
use crate::{check::Check, format::count, url::is_loopback};

/// Checks that the page is HTML.
pub(super) fn check(visit: &Visit) -> Check {
    const NAME: &str = "landing";
    let Some(page) = visit.page() else { return Check::skipped(NAME, "there is no response") };
    let url = shown(&page.url);
    match &visit.not_followed {
        Some(NotFollowed::TooMany) => {
            return Check::failed(NAME, "redirects more than 5 times", "let the link lead to the page directly");
        }
        Some(NotFollowed::Invalid) => {
            return Check::failed(NAME, format!("{url} redirects without a usable Location"), "fix that redirect");
        }
        Some(NotFollowed::OtherSite(target)) => {
            let message = format!("{url} redirects to another site, {}, which was not requested", host(target));
            return Check::warning(NAME, message, "run the command again with --site for a page of that site");
        }
        Some(NotFollowed::Private(target)) => {
            let message =
                format!("{url} redirects to {}, whose address is private, so it was not requested", host(target));
            return Check::failed(NAME, message, "correct the DNS entry of that host, or the redirect");
        }
        None => {}
    }
    if page.status >= 400 {
        let message = format!("{url} responded with status {}", page.status);
        return Check::failed(NAME, message, "check --site, and the log of the site");
    }
    let kind = page.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.to_ascii_lowercase().contains("html") {
        return Check::warning(
            NAME,
            format!("{url} is not an HTML page"),
            "use the URL of a page that partners link to",
        );
    }
    let redirects = match visit.hops.len() - 1 {
        0 => String::new(),
        redirects => format!(" after {}", count(redirects as u64, "redirect")),
    };
    Check::passed(NAME, format!("{url} opens{redirects}"))
}

/// Checks that everything is encrypted.
pub(super) fn https(visit: &Visit) -> Check {
    const NAME: &str = "https";
    let plain = |url: &reqwest::Url| url.scheme() == "http" && !is_loopback(url);
    let urls: Vec<_> = visit.urls().collect();
    if let Some(pair) = urls.windows(2).find(|pair| pair[0].scheme() == "https" && plain(pair[1])) {
        let hint = "redirect to https only, or cookies with Secure are lost";
        return Check::failed(NAME, format!("{} leaves https", arrow(pair[0], pair[1])), hint);
    }
    match (urls.first(), urls.last()) {
        (_, Some(last)) if plain(last) => Check::failed(
            NAME,
            format!("{} is not encrypted", shown(last)),
            "serve the site over https; anybody on the way can read and change the click id",
        ),
        (Some(first), _) if plain(first) => Check::warning(
            NAME,
            "the link begins with http://; the first request is not encrypted",
            "give partners links that begin with https://",
        ),
        (_, Some(last)) if last.scheme() == "http" => Check::passed(NAME, "not needed on this machine"),
        _ => Check::passed(NAME, "every request is encrypted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::CheckStatus::{self, Failed, Passed, Warning};

    #[test]
    fn encryption() {
        let cases: [(&[&str], CheckStatus); 6] = [
            (&["https://shop.example/"], Passed),
            (&["https://shop.example/", "https://www.shop.example/"], Passed),
            (&["http://shop.example/", "https://shop.example/"], Warning),
            (&["http://shop.example/"], Failed),
            (&["https://shop.example/", "http://shop.example/", "https://shop.example/"], Failed),
            (&["http://127.0.0.1:3000/"], Passed),
        ];
        for (urls, expected) in cases {
            let hops: Vec<_> = urls.iter().map(|url| (*url, &[][..])).collect();
            let check = https(&Visit::fake(&hops, ""));
            assert_eq!(check.status, expected, "{urls:?}: {}", check.message);
        }
    }
}
