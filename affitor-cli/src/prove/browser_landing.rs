//! A visitor with a real browser opens a partner's link, and the page's scripts run.

use std::time::Duration;

use affitor_sandbox::ApiCall;
use reqwest::Url;
use tokio::time::{Instant, sleep};

use super::{
    Proof, SETTLE, Stop,
    chromium::Chromium,
    finding::{Finding, FindingId},
    landing::{Landed, NAME, captured},
    visitor::{Page, Visitor},
    watch::Watch,
};
use crate::{browser::CLICK_ID_COOKIE, failure::Failure};

impl Proof {
    /// Lets a browser run the page's scripts.
    pub(super) async fn with_browser(&mut self, visitor: &mut Visitor, path: &str, page: Page) -> Result<Landed, Stop> {
        let proxy = self.guard.as_ref().map(|guard| guard.url.as_str());
        let mut browser = Chromium::start(proxy).await?;
        let click_id = match self.open_link(&mut browser, path, &page.url).await? {
            Ok(click_id) => click_id,
            Err(finding) => return self.stop_at_landing(finding),
        };
        copy_cookies(&mut browser, visitor, &page.url).await?;
        self.chromium = Some(browser);
        self.report.passed(NAME, format!("in a browser, the page's tracker reported the click {click_id}"));
        Ok(Landed { click_id, page: page.url, is_captured: false })
    }

    /// Opens a link in a browser. Returns the click that the page's scripts reported, and whose cookie the browser has.
    pub(super) async fn open_link(
        &self,
        browser: &mut Chromium,
        path: &str,
        page: &Url,
    ) -> Result<Result<String, Finding>, Failure> {
        let watch = Watch::begin(&self.sandbox);
        browser.open(&self.url.join(path).unwrap_or_else(|_| self.url.clone())).await?;
        watch.until(self.wait, ApiCall::Click, |calls| calls.iter().any(|call| call.changed)).await;
        let Some(click_id) = captured(&watch) else {
            let message = format!("a browser opened {path}, and its scripts reported no click");
            let reason = "the page has no tracker, a policy in the page blocks it, or it is loaded from another API than AFFITOR_API_URL";
            return Ok(Err(FindingId::NoTracker.because(message, reason)));
        };
        // The script stores it when it has the response.
        let end = Instant::now() + SETTLE;
        while !browser.cookies(page).await?.contains(&(CLICK_ID_COOKIE.to_owned(), click_id.clone())) {
            if Instant::now() > end {
                let message =
                    "in a browser, the page's tracker reported the click, but the browser stored no cookie for it";
                let reason = "`data-affitor-cookie-domain` is not the domain of the page, or a script of the page removes the cookie";
                return Ok(Err(FindingId::CookieLost.because(message, reason)));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(Ok(click_id))
    }
}

/// Gives the visitor the cookies that the browser has.
pub(super) async fn copy_cookies(browser: &mut Chromium, visitor: &mut Visitor, page: &Url) -> Result<(), Failure> {
    for (name, value) in browser.cookies(page).await? {
        visitor.store(page, &name, &value);
    }
    Ok(())
}
