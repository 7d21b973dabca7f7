//! Why a sign-up or a checkout failed: what was seen, beyond the response.

use affitor_sandbox::ApiCall;

use super::{
    Proof, SETTLE,
    finding::{Finding, FindingId},
    layer,
    outage::has_lead,
    visitor::{ClickIdIn, Page, Visitor},
    watch::Watch,
};
use crate::failure::Failure;

impl Proof {
    /// If the click id arrives in a header, and not in the cookie, the handler is right, and something before it is not.
    pub(super) async fn with_dropped_cookie(&self, finding: Finding) -> Result<Finding, Failure> {
        let posts = self.config.signup.steps.iter().any(|step| step.post.is_some());
        if finding.id != FindingId::ClickIdLost.as_str() || !posts {
            return Ok(finding);
        }
        let click_id = self.click().await?;
        let mut visitor = Visitor::new(&self.url)?.with_click_id_in(ClickIdIn::Header(click_id.clone()));
        let watch = Watch::begin(&self.sandbox);
        if self.sign_up(&mut visitor, &click_id).await?.is_err() {
            return Ok(finding);
        }
        let calls = watch.until(self.wait.min(SETTLE), ApiCall::Lead, |calls| has_lead(calls, &click_id)).await;
        if !has_lead(&calls, &click_id) {
            return Ok(finding);
        }
        let reason = "a proxy or a middleware removes the cookie before the layer sees it: with the click id in a header, the lead is right";
        Ok(FindingId::ClickIdLost.because(finding.message, reason))
    }

    /// Adds to a missing lead what the visitor has seen.
    pub(super) fn explained(&self, finding: Finding, visitor: &Visitor) -> Finding {
        if finding.id != FindingId::NoLead.as_str() {
            return finding;
        }
        if visitor.sees_form_again() {
            let message = "the sign-up form was shown again, and no lead arrived";
            let reason = "a field is missing or invalid: compare the steps of `signup` in affitor.toml with the form";
            return FindingId::SignupFailed.because(message, reason);
        }
        if visitor.saw_sign_up_script {
            let message =
                "no lead arrived, and a page of the sign-up reports it by script (`affitor.signup`), which was not run";
            let reason = "the browser reports the lead: sign up in one with `--manual`, or report it in the handler";
            return FindingId::NoLead.because(message, reason);
        }
        if let Some(url) = &visitor.left_to {
            let origin = url.origin().ascii_serialization();
            let message = format!("the sign-up goes on at {origin}, which is not on this machine");
            return FindingId::SignupFailed.because(message, "use `--manual`, or a `command` that signs up");
        }
        let seconds = self.wait.as_secs();
        Finding { message: format!("{} within {seconds} s (--wait)", finding.message), ..finding }
    }

    /// Warns of a page that a cache gives to other visitors.
    pub(super) fn check_caching(&mut self, visitor: &mut Visitor) {
        if let Some(url) = visitor.shared_by.take() {
            let message = format!(
                "the response of {} belongs to one visitor, and its Cache-Control lets caches give it to others: use `private` or \
                 `no-store`",
                url.path()
            );
            self.report.warning("caches", message);
        }
    }

    /// Returns what a page says is wrong.
    pub(super) fn rejected(&self, page: &Page, id: FindingId) -> Option<Finding> {
        let (method, path, status) = (&page.method, page.url.path(), page.status);
        if status >= 500
            && let Some(problem) = page.layer_problem.or_else(|| self.app.as_ref()?.layer_problem())
        {
            return Some(layer::finding(problem, path));
        }
        if status < 400 {
            return None;
        }
        let finding = id.found(format!("{method} {path} responded with status {status}{}", page.excerpt()));
        if id == FindingId::CheckoutFailed && matches!(status, 401 | 403) {
            let hint = "nobody is signed in: the last step of `signup` logs out, or the app does not keep the session's cookie";
            return Some(Finding { hint: hint.to_owned(), ..finding });
        }
        let limited = "the app limits the rate of requests: switch that off in development";
        Some(if status == 429 { Finding { hint: limited.to_owned(), ..finding } } else { finding })
    }
}
