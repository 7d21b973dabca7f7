//! A person signs up and pays in their own browser, while the command watches.

use std::time::Duration;

use affitor_sandbox::{ApiCall, RequestRecord};

use super::{
    Proof, Stop,
    finding::FindingId,
    landing::{self, link},
    lead::lead,
    say,
    shown::customer,
    sign_up::Buyer,
    stripe_api::Created,
    visitor::Visitor,
    watch::{Watch, is_settled},
};
use crate::output::BOLD;

/// Time that a person has for each step.
const PATIENCE: Duration = Duration::from_secs(600);

impl Proof {
    /// Waits for a person's click and sign-up.
    pub(super) async fn manual_sign_up(&mut self) -> Result<Buyer, Stop> {
        let path = link(self.config.landing_path(), self.sandbox.partner_code());
        let url = self.url.join(&path).map_or_else(|_| self.url.to_string(), |url| url.to_string());
        // Looks at the page before a browser runs its scripts. Without `aff`, nothing is reported.
        if let Ok(page) = Visitor::new(&self.url)?.get(self.config.landing_path()).await {
            self.check_tag(&page)?;
        }
        // Before the text, since somebody may be fast.
        let watch = Watch::begin(&self.sandbox);
        say(&format!("Open {BOLD}{url}{BOLD:#} in your browser, and sign up."));
        let clicks = watch.until(PATIENCE, ApiCall::Click, |calls| calls.iter().any(|call| call.changed)).await;
        let Some(click_id) = clicks.into_iter().find(|call| call.changed).and_then(|call| call.click_id) else {
            return Err(self.stop(landing::NAME, FindingId::NoTracker.found("no click arrived from your browser")));
        };
        self.report.passed(landing::NAME, format!("click {click_id}"));
        let is_there = |calls: &[RequestRecord]| {
            calls.iter().any(|call| call.has_key && (is_settled(call) || call.error.is_some()))
        };
        let calls = watch.until(PATIENCE, ApiCall::Lead, is_there).await;
        match lead(&calls, &click_id, self.app.as_ref()) {
            Ok(customer_key) => {
                self.report.passed("sign-up", format!("lead {} with {click_id}", customer(&customer_key)));
                Ok(Buyer { visitor: None, customer_key })
            }
            Err(finding) => Err(self.stop("sign-up", finding)),
        }
    }

    /// Waits until a person starts a checkout, if the stand-in can see it.
    pub(super) async fn manual_checkout(&mut self, known: usize) -> Result<Option<Created>, Stop> {
        let Some(stripe) = &self.stripe else { return Ok(None) };
        say("Now start a checkout in your browser.");
        if tokio::time::timeout(PATIENCE, stripe.more_sessions_than(known)).await.is_err() {
            self.report.waiting("checkout", format!("no checkout was started within {} s", PATIENCE.as_secs()));
            return Err(Stop::Reported);
        }
        Ok(stripe.sessions().into_iter().nth(known))
    }
}
