//! A visitor opens a partner's link: the server captures the click, or the page has the tracker.

use affitor_sandbox::{ApiCall, Sandbox};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Proof, SETTLE, Stop,
    finding::{Finding, FindingId},
    visitor::{Page, Visitor},
    watch::Watch,
};
use crate::{
    browser::CLICK_ID_COOKIE,
    csp,
    failure::Failure,
    html::{TrackerTag, tracker_tags},
    settings::DEFAULT_URL,
};

pub(super) const NAME: &str = "landing";

/// The click of a visitor, and the page on which they are.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) click_id: String,
    pub(super) page: Url,
    /// Whether the server has reported the click.
    pub(super) is_captured: bool,
}

impl Proof {
    /// Opens the landing page of a partner's link, and reports the result.
    pub(super) async fn land(&mut self, visitor: &mut Visitor) -> Result<Landed, Stop> {
        let path = link(self.config.landing_path(), self.sandbox.partner_code());
        let watch = Watch::begin(&self.sandbox);
        let page = match visitor.get(&path).await {
            Ok(page) => page,
            Err(error) => {
                let reason = "the page hangs, is too large, or redirects in a circle";
                return self.stop_at_landing(FindingId::LandingFailed.because(error.to_string(), reason));
            }
        };
        if let Some(url) = &page.left_to {
            let message =
                format!("{path} redirects to {}, which is not on this machine", url.origin().ascii_serialization());
            let reason = "the app redirects to its public host name; let it use the host of the request in development";
            return self.stop_at_landing(FindingId::LandingFailed.because(message, reason));
        }
        if let Some(finding) = self.rejected(&page, FindingId::LandingFailed) {
            return self.stop_at_landing(finding);
        }
        if let Some(click) = captured(&watch) {
            return self.captured(visitor, page, click).await;
        }
        self.check_tag(&page)?;
        if tracker_tags(&page.body).is_empty() {
            // The server may report the click after the page.
            watch.until(self.wait.min(SETTLE), ApiCall::Click, |calls| calls.iter().any(|call| call.changed)).await;
            if let Some(click) = captured(&watch) {
                return self.captured(visitor, page, click).await;
            }
        }
        if !page.url.query_pairs().any(|(name, value)| name == "aff" && !value.is_empty()) {
            let message = format!("{path} redirects to {}, without `aff`, so no click is reported", page.url.path());
            return self.stop_at_landing(FindingId::AffLost.found(message));
        }
        let tag = tracker_tags(&page.body).into_iter().next();
        if let Some(directive) = tag.as_ref().and_then(|tag| self.blocking_directive(tag, &page)) {
            let message =
                format!("the Content Security Policy of {} ({directive}) blocks the tracker", page.url.path());
            return self.stop_at_landing(FindingId::TrackerBlocked.found(message));
        }
        if self.use_browser {
            return self.with_browser(visitor, &path, page).await;
        }
        self.with_tracker(visitor, page).await
    }

    /// The server has reported the click. Its cookie comes with the page, or with the next one if the service was slow.
    async fn captured(&mut self, visitor: &mut Visitor, page: Page, click_id: String) -> Result<Landed, Stop> {
        if !self.has_stored(visitor, &page, &click_id).await {
            let message = "the server reported the click, but the visitor did not get its cookie";
            let reason = "the cookie's domain is not that of the app's URL: in development, use `host_only()`";
            return self.stop_at_landing(FindingId::CookieLost.because(message, reason));
        }
        self.report.passed(NAME, format!("the server reported the click {click_id}, and set the cookie"));
        Ok(Landed { click_id, page: page.url, is_captured: true })
    }

    /// Returns whether the visitor has the cookie of a click, after another page if need be.
    pub(super) async fn has_stored(&self, visitor: &mut Visitor, page: &Page, click_id: &str) -> bool {
        if visitor.click_id_at(&page.url).as_deref() != Some(click_id) {
            let _ = visitor.get(page.url.path()).await;
        }
        visitor.click_id_at(&page.url).as_deref() == Some(click_id)
    }

    /// Does what the tracker in the page would do.
    async fn with_tracker(&mut self, visitor: &mut Visitor, page: Page) -> Result<Landed, Stop> {
        let Some(tag) = tracker_tags(&page.body).into_iter().next() else {
            let path = page.url.path();
            if page.body.contains("affitor-tracker") {
                let message = format!("the page {path} has the tracker as text or in a comment, and not as a tag");
                let reason =
                    "the template escapes the tag: mark it as HTML, such as `|safe` in Askama, or `PreEscaped` in Maud";
                return self.stop_at_landing(FindingId::NoTracker.because(message, reason));
            }
            let message = format!("the page {path} does not contain the tracker, and the server reported no click");
            return self.stop_at_landing(FindingId::NoTracker.found(message));
        };
        let program = self.sandbox.program_id().to_string();
        let click_id = click(&self.sandbox, page.url.as_str()).await?;
        store(visitor, &page.url, &[&click_id]);
        self.report
            .passed(NAME, format!("the page has the tracker. Its script was not run but simulated: click {click_id}"));
        if origin(&tag, &page).as_deref() == Some(DEFAULT_URL) {
            let hint = "the tag has the fixed URL of the service; `client.script_tag()` uses AFFITOR_API_URL";
            self.report.warning("tracker", hint);
        }
        let host = page.url.host_str().unwrap_or_default();
        if let Some(domain) = tag.cookie_domain.as_deref().filter(|domain| !is_domain_of(domain, host)) {
            let message = format!(
                "the tag sets cookies of {domain:?}, and the page is on {host}: a browser stores none of them, unless the page is on that \
                 domain in production"
            );
            self.report.warning("tracker", message);
        }
        if tag.program_id.as_deref().is_some_and(|id| id != program) {
            let id = tag.program_id.unwrap_or_default();
            self.report.warning(
                "tracker",
                format!("the tag names program {id:?}; AFFITOR_PROGRAM_ID of this run is {program}"),
            );
        }
        Ok(Landed { click_id, page: page.url, is_captured: false })
    }

    /// Returns the directive of the page's policy that blocks the tracker both of the sandbox and of the service.
    fn blocking_directive(&self, tag: &TrackerTag, page: &Page) -> Option<String> {
        let script = tag.source(&page.url)?;
        let blocking = |service: &str| {
            let service = Url::parse(service).ok()?;
            let script = service.join(script.path()).ok()?;
            csp::blocking(&page.headers, &page.url, &script, tag.nonce.as_deref(), &service)
        };
        blocking(self.sandbox.url()).and_then(|_| blocking(DEFAULT_URL))
    }

    /// Refuses an app whose page has the tracker of another service. That of the real service is only refused if a browser would run
    /// it.
    pub(super) fn check_tag(&mut self, page: &Page) -> Result<(), Stop> {
        let Some(tag) = tracker_tags(&page.body).into_iter().next() else { return Ok(()) };
        let Some(origin) = origin(&tag, page) else { return Ok(()) };
        let is_inert = !self.use_browser && !self.is_manual && origin == DEFAULT_URL;
        if is_inert || origin == self.sandbox.url() {
            return Ok(());
        }
        let message =
            format!("the tracker in the page {} is that of {origin}, not that of the sandbox", page.url.path());
        self.report.failed(NAME, FindingId::PointsElsewhere.found(message));
        Err(Stop::Refused)
    }

    pub(super) fn stop_at_landing(&mut self, finding: Finding) -> Result<Landed, Stop> {
        Err(self.stop(NAME, finding))
    }
}

/// The origin of the tracker's script.
fn origin(tag: &TrackerTag, page: &Page) -> Option<String> {
    Some(tag.source(&page.url)?.origin().ascii_serialization())
}

/// Whether a page on a host may set cookies of a domain.
fn is_domain_of(domain: &str, host: &str) -> bool {
    let domain = domain.trim_start_matches('.');
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Stores the cookies of a visitor's clicks, oldest first, as the tracker does.
pub(super) fn store(visitor: &mut Visitor, page: &Url, clicks: &[&str]) {
    let landing = form_urlencoded::byte_serialize(page.as_str().as_bytes()).collect::<String>();
    let last = clicks.last().copied().unwrap_or_default();
    for (name, value) in [
        (CLICK_ID_COOKIE, last),
        ("affitor_click_ids", &clicks.join("%7C")),
        ("affitor_aff_url", &landing),
        ("customer_code", last),
    ] {
        visitor.store(page, name, value);
    }
}

/// The path of a partner's link.
pub(super) fn link(path: &str, partner: &str) -> String {
    let code: String = form_urlencoded::byte_serialize(partner.as_bytes()).collect();
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}aff={code}")
}

pub(super) fn captured(watch: &Watch) -> Option<String> {
    watch.calls(ApiCall::Click).into_iter().rev().find(|call| call.changed)?.click_id
}

/// Reports a click to the sandbox, and returns its id.
pub(super) async fn click(sandbox: &Sandbox, landing: &str) -> Result<String, Failure> {
    post_click(sandbox, &json!({ "affiliate_url": landing, "page_url": landing })).await
}

/// Reports a click of a visitor who has a click id.
pub(super) async fn click_again(sandbox: &Sandbox, landing: &str, existing: &str) -> Result<String, Failure> {
    post_click(sandbox, &json!({ "affiliate_url": landing, "page_url": landing, "existing_click_id": existing })).await
}

async fn post_click(sandbox: &Sandbox, body: &Value) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Reply {
        click_id: String,
    }

    let unreachable = |error: reqwest::Error| {
        Failure::usage(
            format!("cannot reach the sandbox: {}", error.without_url()),
            "check the firewall of this machine",
        )
    };
    let http = reqwest::Client::builder().no_proxy().build().map_err(unreachable)?;
    let url = format!("{}/api/v1/track/click", sandbox.url());
    let response = http.post(url).body(body.to_string()).send().await.map_err(unreachable)?;
    let text = response.text().await.map_err(unreachable)?;
    let reply: Result<Reply, _> = serde_json::from_str(&text);
    reply
        .map(|reply| reply.click_id)
        .map_err(|_| Failure::usage("the sandbox recorded no click", "check `landing.path`"))
}

#[cfg(test)]
mod tests {
    use super::is_domain_of;

    #[test]
    fn domains_of_cookies() {
        for (domain, host, expected) in [
            ("shop.example", "shop.example", true),
            (".shop.example", "www.shop.example", true),
            ("shop.example", "myshop.example", false),
            ("www.shop.example", "shop.example", false),
            ("shop.example", "127.0.0.1", false),
        ] {
            assert_eq!(is_domain_of(domain, host), expected, "{domain} {host}");
        }
    }
}
