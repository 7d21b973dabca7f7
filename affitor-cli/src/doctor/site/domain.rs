//! Whether another host of the site gets the click id.

use super::{
    cookie::ClickCookie,
    host,
    hosts::{covers, is_address},
    visit::Visit,
};
use crate::{check::Check, html::TrackerTag};

const NAME: &str = "app-host";

/// Checks that a page on another host of the site gets the click id.
pub(super) fn check(app: &str, visit: &Visit, cookie: Option<&ClickCookie>, tag: Option<&TrackerTag>) -> Check {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains() {
        for (one, other, expected) in [
            ("www.shop.example", "app.shop.example", Some("shop.example")),
            ("a.b.shop.example", "b.shop.example", Some("b.shop.example")),
            ("shop.example", "other.example", None),
            ("localhost", "localhost", Some("localhost")),
            ("127.0.0.1", "9.0.0.1", None),
        ] {
            assert_eq!(shared_domain(one, other).as_deref(), expected, "{one} {other}");
        }
    }
}
