//! The app is killed while the service is stopped, and started again: what it had accepted must not be lost.

use std::{ffi::OsString, time::Duration};

use affitor_sandbox::{ApiCall, Fault};
use tokio::time::timeout;

use super::{
    Proof, SETTLE, Stop,
    deliver::Endpoint,
    outage::{QUICK, has_lead},
    purchase::Purchase,
    say,
    visitor::Visitor,
    watch::Watch,
};

/// Time without a call, after which no attempt is being made.
const QUIET: Duration = Duration::from_millis(300);

const SIGN_UP: &str = "sign-up, crash";
const SALE: &str = "sale, crash";

/// What was accepted before the app was killed.
struct Accepted {
    /// The click id of a visitor who has signed up.
    lead: Option<String>,
    /// The endpoint, and the webhooks that the app wants to be redelivered.
    sale: Option<(Endpoint, Vec<crate::payment::Delivery>)>,
}

impl Proof {
    /// Kills the app in an outage, and starts it again. Only what survived the outage itself is checked.
    pub(super) async fn crash(&mut self, command: &[OsString]) -> Result<(), Stop> {
        let mut rows = vec![];
        rows.extend(self.keeps_leads.then_some(SIGN_UP));
        rows.extend(self.keeps_sales.then_some(SALE));
        let reason = if self.outage.is_none() { QUICK } else { "not checked: the app would have to be started again" };
        if self.outage.is_none() || command.is_empty() {
            let mut rows = vec![SIGN_UP];
            rows.extend(self.config.webhook.is_some().then_some(SALE));
            self.report.note(&rows, reason);
            return Ok(());
        }
        for (row, is_kept) in [(SIGN_UP, self.keeps_leads), (SALE, self.keeps_sales || self.config.webhook.is_none())] {
            if !is_kept {
                self.report.skipped(&[row], "an outage alone was not survived, or not checked");
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let visitor = if self.keeps_leads { Some(self.visitor_with_click().await?) } else { None };
        let watch = Watch::begin(&self.sandbox);
        say("Affitor responds with 502 again, and the app is killed meanwhile.");
        self.sandbox.inject(Fault::BadGateway.always());
        let accepted = self.accept(visitor).await?;
        let has_sale = accepted.sale.as_ref().is_some_and(|(_, again)| again.is_empty());
        for call in [accepted.lead.is_some().then_some(ApiCall::Lead), has_sale.then_some(ApiCall::Sale)] {
            let Some(call) = call else { continue };
            watch.until(self.wait.min(SETTLE), call, |calls| !calls.is_empty()).await;
        }
        // Between two attempts: of a worker that is killed during one, River notices it after minutes.
        for _ in 0..20 {
            let last = self.sandbox.requests().last().map_or(0, |request| request.number);
            if timeout(QUIET, self.sandbox.wait_for_requests_after(last)).await.is_err() {
                break;
            }
        }
        if let Some(app) = self.app.take() {
            app.kill().await;
        }
        self.sandbox.clear_faults();
        self.start_again(command).await?;
        if let Some(click_id) = &accepted.lead {
            let calls = watch.until(self.after_crash(), ApiCall::Lead, |calls| has_lead(calls, click_id)).await;
            self.tell(SIGN_UP, has_lead(&calls, click_id), "lead");
        }
        if let Some((endpoint, again)) = &accepted.sale {
            if let Err(finding) = endpoint.deliver(again).await {
                self.report.failed(SALE, finding);
                return Ok(());
            }
            let calls =
                watch.until(self.after_crash(), ApiCall::Sale, |calls| calls.iter().any(|call| call.changed)).await;
            self.tell(SALE, calls.iter().any(|call| call.changed), "sale");
        }
        Ok(())
    }

    /// A visitor signs up, and a payment arrives.
    async fn accept(&mut self, visitor: Option<(Visitor, String)>) -> Result<Accepted, Stop> {
        let mut accepted = Accepted { lead: None, sale: None };
        if let Some((mut visitor, click_id)) = visitor {
            accepted.lead = self.sign_up(&mut visitor, &click_id).await?.ok().map(|()| click_id);
        }
        if self.keeps_sales
            && let Some((endpoint, purchase)) = self.next_payment()?
        {
            let deliveries = purchase.payment(endpoint.provider).paid();
            let again = endpoint.deliver_once(&deliveries).await;
            accepted.sale = Some((endpoint, again));
        }
        Ok(accepted)
    }

    /// A payment that the buyer began before the app was started again, and where to report it.
    pub(super) fn next_payment(&mut self) -> Result<Option<(Endpoint, Purchase)>, Stop> {
        let Some((webhook, secret)) = self.config.webhook.clone().zip(self.secret.clone()) else { return Ok(None) };
        let Some(purchase) = self.begun.pop() else { return Ok(None) };
        let url = self.url.join(&webhook.path).unwrap_or_else(|_| self.url.clone());
        Ok(Some((Endpoint::new(url, webhook.provider, &secret)?, purchase)))
    }

    /// Longer than otherwise: the lease of the outbox's worker that was killed must expire first.
    fn after_crash(&self) -> Duration {
        self.wait * 2
    }

    fn tell(&mut self, name: &'static str, arrived: bool, what: &str) {
        if arrived {
            self.report
                .passed(name, format!("the app was killed in an outage; after its next start, the {what} arrived"));
        } else {
            let seconds = self.after_crash().as_secs();
            self.report.warning(
                name,
                format!(
                    "survives an outage of the service, but not a crash of the app: it was killed, and the {what} has not arrived \
                     {seconds} s after its next start. What is in memory is lost, and so is what a queue has taken out and not put back"
                ),
            );
        }
    }
}
