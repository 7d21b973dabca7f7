//! The visitor comes again, by another partner's link: that click counts.

use affitor_sandbox::ApiCall;

use super::{
    Proof, SETTLE, Stop,
    browser_landing::copy_cookies,
    finding::{Finding, FindingId},
    landing::{self, Landed, captured, click_again, link},
    visitor::Visitor,
    watch::Watch,
};
use crate::failure::Failure;

const NAME: &str = "second link";

/// Link code of the second partner.
pub(super) const PARTNER: &str = "ANOTHER456";

/// The clicks of a visitor before the sign-up.
pub(super) struct Clicks {
    /// Empty if there is only one.
    first: String,
    /// The one that counts.
    pub(super) last: Landed,
}

impl Clicks {
    /// The only click.
    pub(super) fn of(landed: Landed) -> Self {
        Self { first: String::new(), last: landed }
    }
}

impl Proof {
    /// Opens the landing page of another partner's link with the cookies of the first visit.
    pub(super) async fn land_again(&mut self, visitor: &mut Visitor, first: Landed) -> Result<Clicks, Stop> {
        let path = link(self.config.landing_path(), PARTNER);
        if let Some(mut browser) = self.chromium.take() {
            let click_id = match self.open_link(&mut browser, &path, &first.page).await? {
                Ok(click_id) => click_id,
                Err(finding) => return Err(self.stop(NAME, finding)),
            };
            copy_cookies(&mut browser, visitor, &first.page).await?;
            self.chromium = Some(browser);
            return Ok(self.clicks(first.clone(), Landed { click_id, ..first }));
        }
        let watch = Watch::begin(&self.sandbox);
        let page = match visitor.get(&path).await {
            Ok(page) if page.status < 400 => page,
            _ => {
                let message = "a second visit by another partner's link failed, so the first click is used";
                self.report.warning(NAME, message);
                return Ok(Clicks::of(first));
            }
        };
        let click_id = if first.is_captured {
            watch.until(self.wait.min(SETTLE), ApiCall::Click, |calls| calls.iter().any(|call| call.changed)).await;
            let Some(click_id) = captured(&watch) else {
                let message = "the visitor came again by another partner's link, and the server reported no click";
                return Err(self.stop(NAME, FindingId::FirstClickKept.found(message)));
            };
            if !self.has_stored(visitor, &page, &click_id).await {
                let message = format!(
                    "the visitor came again by another partner's link, and the cookie does not have its click {click_id}"
                );
                return Err(self.stop(NAME, FindingId::FirstClickKept.found(message)));
            }
            click_id
        } else {
            let click_id = click_again(&self.sandbox, page.url.as_str(), &first.click_id).await?;
            landing::store(visitor, &page.url, &[&first.click_id, &click_id]);
            click_id
        };
        let last = Landed { click_id, page: page.url, is_captured: first.is_captured };
        Ok(self.clicks(first, last))
    }

    fn clicks(&mut self, first: Landed, last: Landed) -> Clicks {
        self.report.passed(NAME, format!("the visitor came again by another partner's link: click {}", last.click_id));
        Clicks { first: first.click_id, last }
    }

    /// Finds out whether a lead has the click id of the visitor's first visit, or of whoever came first.
    pub(super) async fn first_click_kept(&self, finding: Finding, clicks: &Clicks) -> Result<Finding, Failure> {
        let first = &clicks.first;
        if finding.id != FindingId::ClickIdLost.as_str() || first.is_empty() || !finding.message.contains(first) {
            return Ok(finding);
        }
        let (mut other, click_id) = self.visitor_with_click().await?;
        let watch = Watch::begin(&self.sandbox);
        if self.sign_up(&mut other, &click_id).await?.is_ok() {
            let calls = watch.until(self.wait.min(SETTLE), ApiCall::Lead, |calls| !calls.is_empty()).await;
            if calls.iter().any(|call| call.click_id.as_ref() == Some(first)) {
                let message = format!("a new visitor was reported with {first}, which is another visitor's");
                return Ok(FindingId::ClickIdShared.found(message));
            }
        }
        let last = &clicks.last.click_id;
        Ok(FindingId::FirstClickKept.found(format!(
            "the visitor came by a partner's link with the click {first}, then by another's with {last}, and the lead has the first one"
        )))
    }
}
