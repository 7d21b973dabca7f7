//! The partner's code in the URL: whether it reaches the page.

use reqwest::Url;

use super::{
    PARAMETER,
    cookie::ClickCookie,
    visit::{Visit, arrow},
};
use crate::check::Check;

const NAME: &str = "aff";

/// Checks that no redirect drops the code before the click is captured.
pub(super) fn check(visit: &Visit, cookie: Option<&ClickCookie>) -> Check {
    let urls: Vec<&Url> = visit.urls().collect();
    let Some(code) = urls.first().and_then(|url| code(url)) else {
        let hint = "add a partner's code, such as ?aff=PARTNER123, to check redirects";
        return Check::warning(NAME, "the URL of --site has no aff parameter", hint);
    };
    let Some(at) = urls.iter().position(|url| self::code(url).as_ref() != Some(&code)) else {
        return Check::passed(NAME, "the code reaches the page");
    };
    let redirect = arrow(urls[at - 1], urls[at]);
    let verb = if self::code(urls[at]).is_some() { "changes" } else { "drops" };
    // The cookie was set by the redirect, or before it.
    if cookie.is_some_and(|cookie| cookie.hop < at) {
        return Check::passed(NAME, format!("the server captures the click before {redirect} {verb} the code"));
    }
    Check::failed(
        NAME,
        format!("{redirect} {verb} the code, so the click is lost"),
        "keep the query in that redirect, or let the server capture clicks before it",
    )
}

/// The partner's code in a URL.
fn code(url: &Url) -> Option<String> {
    let code = url.query_pairs().find(|(name, _)| name == PARAMETER).map(|(_, code)| code.into_owned());
    code.filter(|code| !code.is_empty())
}
