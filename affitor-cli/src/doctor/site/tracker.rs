//! The tag of the browser tracker: whether it is in the page, and of the right program.

use reqwest::Url;

use super::{
    Expected,
    visit::{NotFollowed, Visit},
};
use crate::{check::Check, csp, html::TrackerTag, sanitize::printable, url::is_loopback};

const NAME: &str = "tracker";

/// Checks the tags of a page. `captured`: whether the server sets the cookie.
pub(super) fn check(visit: &Visit, tags: &[TrackerTag], expected: &Expected<'_>, captured: bool) -> Check {
    let Some(page) = visit.page() else { return Check::skipped(NAME, "there is no page") };
    if matches!(visit.not_followed, Some(NotFollowed::OtherSite(_) | NotFollowed::Private(_))) {
        return Check::skipped(NAME, "the page is on another site");
    }
    let tag = match tags {
        [tag] => tag,
        [] if captured => return Check::passed(NAME, "the page has no tag; the server captures clicks"),
        [] => {
            return Check::warning(
                NAME,
                "the page has no tag of the tracker",
                "add it (`Client::script_tag`), or capture clicks on the server; a tag that another script adds is not seen",
            );
        }
        tags => {
            let message = format!("the page has {} tags of the tracker", tags.len());
            return Check::warning(NAME, message, "keep one, or clicks may be counted twice");
        }
    };
    let Some(id) = tag.program_id.as_deref().map(str::trim).filter(|id| !id.is_empty()) else {
        return Check::failed(NAME, "the tag names no program", "add data-affitor-program-id with the program's id");
    };
    let shown = printable(id);
    if !id.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("the tag's program id is {shown:?}, which is not a number");
        return Check::failed(NAME, message, "copy the id from the program's settings");
    }
    if let Some(program) = expected.program_id.filter(|program| *program != id) {
        let message = format!("the tag is of program {shown}, but the key of program {program}");
        return Check::failed(NAME, message, "use the tag and the key of the same program");
    }
    let src = tag.source(&page.url);
    if src.as_ref().is_some_and(|src| page.url.scheme() == "https" && src.scheme() == "http" && !is_loopback(src)) {
        return Check::failed(NAME, "the tag loads the script over http", "use https, or browsers block the script");
    }
    let api = src.as_ref().and_then(|src| src.join("/").ok());
    if let (Some(src), Some(api)) = (&src, &api)
        && let Some(directive) = csp::blocking(&page.headers, &page.url, src, tag.nonce.as_deref(), api)
    {
        return Check::failed(
            NAME,
            format!("the page's Content Security Policy ({directive}) blocks the tracker"),
            "allow the service in script-src and connect-src",
        );
    }
    // Like the script: its own origin, unless the tag says otherwise.
    let base = tag.api_base.as_deref().and_then(|base| page.url.join(base).ok()).or(src);
    let Some(base) = base else {
        return Check::failed(NAME, "the tag's src is not a URL", "copy the tag again (`Client::script_tag`)");
    };
    reports_to(&page.url, &base, &shown, expected.api)
}

/// Checks where the tracker reports to.
fn reports_to(page: &Url, base: &Url, id: &str, api: Option<&Url>) -> Check {
    let origin = base.origin().ascii_serialization();
    if is_loopback(base) && !is_loopback(page) {
        return Check::failed(
            NAME,
            format!("the tag reports to {origin}, which browsers of visitors can't reach"),
            "use the service's URL in the tag",
        );
    }
    match api.map(|api| api.origin().ascii_serialization()).filter(|api| *api != origin) {
        Some(api) => Check::warning(
            NAME,
            format!("the tag of program {id} reports to {origin}, but the settings are those of {api}"),
            "clicks and sales must reach the same service: check src and data-affitor-api-base of the tag",
        ),
        None => Check::passed(NAME, format!("the tag of program {id} reports to {origin}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check::CheckStatus::{self, Failed, Passed, Warning},
        html::tracker_tags,
    };

    #[test]
    fn tags_of_the_tracker() {
        const API: &str = "https://api.affitor.com";
        let good = affitor::ScriptTag::new(42).to_string();
        let page = "https://www.shop.example/";
        let cases: [(String, bool, CheckStatus, &str); 10] = [
            (good.clone(), false, Passed, "program 42 reports to https://api.affitor.com"),
            (String::new(), false, Warning, "no tag"),
            (String::new(), true, Passed, "the server captures"),
            (format!("{good}{good}"), false, Warning, "2 tags"),
            (good.replace("\"42\"", "\"7\""), false, Failed, "of program 7, but the key of program 42"),
            (good.replace("\"42\"", "\"my-shop\""), false, Failed, "not a number"),
            (good.replace("\"42\"", "\"\""), false, Failed, "names no program"),
            (good.replace("https:", "http:"), false, Failed, "over http"),
            (good.replace(API, "https://other.example"), false, Warning, "reports to https://other.example"),
            (good.replace(" defer", " data-affitor-api-base=http://127.0.0.1:4010"), false, Failed, "can't reach"),
        ];
        let api = API.parse().unwrap();
        let expected = Expected { program_id: Some("42"), api: Some(&api) };
        for (html, captured, status, part) in cases {
            let check = check(&Visit::fake(&[(page, &[])], &html), &tracker_tags(&html), &expected, captured);
            assert!(check.status == status && check.message.contains(part), "{html}: {check:?}");
        }
    }
}
