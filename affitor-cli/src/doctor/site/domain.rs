//! Which hosts get a cookie.

use super::{cookie::ClickCookie, host, tag::Tag, visit::Visit};
use crate::check::Check;

const NAME: &str = "app-host";

/// Checks that a page on another host of the site gets the click id.
pub(super) fn check(app: &str, visit: &Visit, cookie: Option<&ClickCookie>, tag: Option<&Tag>) -> Check {
    let Some(page) = visit.page() else { return Check::skipped(NAME, "there is no page") };
    let landing = host(&page.url);
    let failed = |domain: &str| {
        let hint = match shared_domain(app, landing) {
            Some(shared) => format!("set the cookie's domain to {shared}"),
            None => {
                "cookies can't be shared by different domains: pass the click id on, such as with `carry::VisitorKey`"
                    .to_owned()
            }
        };
        Check::failed(NAME, format!("{app} does not get the click id: the cookie is for {domain}"), hint)
    };
    let passed = |domain: &str| Check::passed(NAME, format!("{app} gets the click id: the cookie is for {domain}"));
    let domain = match (cookie, tag) {
        (Some(cookie), _) => match cookie.domain() {
            Some(domain) => Some(domain.to_owned()),
            None if app == landing => return passed(landing),
            None => return failed(&format!("{landing} only")),
        },
        // The tracker takes the widest domain that the browser accepts.
        (None, Some(tag)) => tag.cookie_domain.clone().or_else(|| shared_domain(app, landing)),
        (None, None) => return Check::skipped(NAME, "neither the server nor a tag sets the cookie"),
    };
    match domain {
        Some(domain) if covers(&domain, app) && covers(&domain, landing) => passed(&domain),
        Some(domain) => failed(&crate::sanitize::printable(&domain)),
        None => failed(landing),
    }
}

/// Whether a cookie for a domain is sent to a host.
pub(super) fn covers(domain: &str, host: &str) -> bool {
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    let below = host.strip_suffix(domain.as_str());
    below.is_some_and(|rest| rest.is_empty() || (rest.ends_with('.') && !is_address(host)))
}

/// Whether browsers accept no cookie for this domain, because it is a top-level domain. Others of that kind, such as `co.uk`,
/// are not known here.
pub(super) fn is_public(domain: &str) -> bool {
    let domain = domain.trim_start_matches('.');
    !domain.contains('.') && domain != "localhost"
}

/// The longest domain that contains both hosts, with at least two labels.
fn shared_domain(one: &str, other: &str) -> Option<String> {
    if one == other {
        return Some(one.to_owned());
    }
    if is_address(one) || is_address(other) {
        return None;
    }
    let labels = one.rsplit('.').zip(other.rsplit('.')).take_while(|(one, other)| one == other);
    let mut labels: Vec<&str> = labels.map(|(label, _)| label).collect();
    labels.reverse();
    (labels.len() > 1).then(|| labels.join("."))
}

fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains() {
        for (domain, host, expected) in [
            ("shop.example", "shop.example", true),
            (".shop.example", "app.shop.example", true),
            ("SHOP.example", "a.b.shop.example", true),
            ("shop.example", "myshop.example", false),
            ("app.shop.example", "shop.example", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("0.0.1", "127.0.0.1", false),
        ] {
            assert_eq!(covers(domain, host), expected, "{domain} {host}");
        }
        for (one, other, expected) in [
            ("www.shop.example", "app.shop.example", Some("shop.example")),
            ("a.b.shop.example", "b.shop.example", Some("b.shop.example")),
            ("shop.example", "other.example", None),
            ("localhost", "localhost", Some("localhost")),
            ("127.0.0.1", "9.0.0.1", None),
        ] {
            assert_eq!(shared_domain(one, other).as_deref(), expected, "{one} {other}");
        }
        assert!(is_public("com") && !is_public("shop.example") && !is_public("localhost"));
    }
}
