//! The service is stopped for longer than a client's limits: sign-ups must succeed, and nothing that was accepted may be lost.

use std::time::Duration;

use affitor_sandbox::{ApiCall, Fault, RequestRecord};
use tokio::time::{Instant, sleep_until};

use super::{
    Proof, SETTLE, Stop,
    deliver::Endpoint,
    finding::FindingId,
    say,
    visitor::Visitor,
    watch::{Watch, is_double, is_settled},
};
use crate::{browser::CLICK_ID_COOKIE, failure::Failure, payment::Payment};

pub(super) const SIGN_UP: &str = "sign-up, outage";
pub(super) const SALE: &str = "sale, outage";

/// Longer than a call with all its attempts: 5 seconds.
pub(super) const LENGTH: Duration = Duration::from_secs(7);

/// The longest pause between two attempts of Affitor's queue.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why the rows about outages are left out.
pub(super) const QUICK: &str = "not checked, because of --quick";

impl Proof {
    /// A visitor signs up while the service is stopped.
    pub(super) async fn sign_up_in_outage(&mut self) -> Result<(), Failure> {
        let Some(length) = self.outage else {
            self.report.note(&[SIGN_UP], QUICK);
            return Ok(());
        };
        if self.report.has(FindingId::ClickIdShared.as_str()) {
            self.report.skipped(&[SIGN_UP], "the lead would have another visitor's click id, as above");
            return Ok(());
        }
        let (mut visitor, click_id) = self.visitor_with_click().await?;
        let watch = Watch::begin(&self.sandbox);
        let end = self.begin_outage(length);
        let result = self.sign_up(&mut visitor, &click_id).await;
        let until_response = watch.calls(ApiCall::Lead).len();
        let before = self.end_outage(end, &watch, ApiCall::Lead).await;
        let wait = self.after_outage(before > until_response);
        if let Err(finding) = result? {
            self.report.failed(
                SIGN_UP,
                FindingId::SignupFailsInOutage.found(format!("while Affitor is unavailable, {}", finding.message)),
            );
            return Ok(());
        }
        let calls = watch.until(wait, ApiCall::Lead, |calls| has_lead(calls, &click_id)).await;
        self.customers.extend(calls.iter().filter_map(|call| call.customer_key.clone()));
        let (shown, seconds) = (shown(length), wait.as_secs());
        if has_lead(&calls, &click_id) {
            self.report.passed(
                SIGN_UP,
                format!("succeeded while Affitor was unavailable for {shown}; the lead arrived later"),
            );
            self.keeps_leads = true;
        } else if calls.len() > before {
            self.report.waiting(
                SIGN_UP,
                format!("succeeded; its lead has not arrived {seconds} s after an outage of {shown}"),
            );
        } else {
            let message = format!(
                "succeeded while Affitor was unavailable for {shown}, and its lead has not arrived {seconds} s later"
            );
            let found = FindingId::LeadLostInOutage;
            self.report.failed(
                SIGN_UP,
                if before > until_response {
                    let reason = "the app tried again after its response, and gave up: its queue must try for days, and store the lead";
                    found.because(message, reason)
                } else {
                    found.found(message)
                },
            );
        }
        Ok(())
    }

    /// A payment arrives while the service is stopped. The provider redelivers what the app did not accept.
    pub(super) async fn sale_in_outage(&mut self, endpoint: &Endpoint, payment: &dyn Payment) -> Result<(), Stop> {
        let Some(length) = self.outage else {
            self.report.note(&[SALE], QUICK);
            return Ok(());
        };
        let deliveries = payment.paid();
        let watch = Watch::begin(&self.sandbox);
        let end = self.begin_outage(length);
        let again = endpoint.deliver_once(&deliveries).await;
        let until_response = watch.calls(ApiCall::Sale).len();
        let before = self.end_outage(end, &watch, ApiCall::Sale).await;
        let wait = self.after_outage(before > until_response);
        if let Err(finding) = endpoint.deliver(&again).await {
            self.report.failed(SALE, finding);
            return Ok(());
        }
        watch.until(wait, ApiCall::Sale, |calls| calls.iter().any(|call| call.changed)).await;
        // A double one may come a moment later.
        let calls = watch.until(self.wait.min(SETTLE), ApiCall::Sale, is_double).await;
        let recorded = calls.iter().filter(|call| call.changed).count();
        let (shown, seconds) = (shown(length), wait.as_secs());
        match recorded {
            0 if calls.len() > before => {
                self.report.waiting(SALE, format!("the sale has not arrived {seconds} s after an outage of {shown}"));
            }
            0 if again.is_empty() => {
                let message = format!(
                    "the app accepted the webhook while Affitor was unavailable for {shown}, and the sale has not arrived {seconds} s later"
                );
                let finding = if calls.is_empty() {
                    let reason = "the app drops the sale before it tries to report it, or its queue waits for an earlier event that fails";
                    FindingId::SaleLostInOutage.because(format!("{message}; no attempt to report it was seen"), reason)
                } else {
                    FindingId::SaleLostInOutage.found(message)
                };
                self.report.failed(SALE, finding);
            }
            0 => self.report.failed(
                SALE,
                FindingId::SaleLostInOutage.because(
                    "the app asked for redelivery while Affitor was unavailable, accepted the webhook afterwards, and reported nothing",
                    "the webhook is marked as handled before it is reported: mark it afterwards, or use the ledger",
                ),
            ),
            1 => {
                self.keeps_sales = true;
                let how = if again.is_empty() { "accepted while Affitor was unavailable" } else { "redelivered after the outage" };
                self.report.passed(SALE, format!("{how}; the sale arrived, once"));
            }
            _ => self
                .report
                .failed(SALE, FindingId::DoubleReporting.found(format!("{recorded} sales arrived for one payment"))),
        }
        Ok(())
    }

    /// A new visitor who came by a partner's link.
    pub(super) async fn visitor_with_click(&self) -> Result<(Visitor, String), Failure> {
        let click_id = self.click().await?;
        let mut visitor = Visitor::new(&self.url)?;
        visitor.store(&self.url, CLICK_ID_COOKIE, &click_id);
        Ok((visitor, click_id))
    }

    /// Stops the service. Returns until when.
    fn begin_outage(&self, length: Duration) -> Instant {
        say(&format!("Affitor responds with 502 for {}. The app may log what fails.", shown(length)));
        self.sandbox.inject(Fault::BadGateway.always());
        Instant::now() + length
    }

    /// How long to wait for an event after an outage: longer for an app that tried again in the background, since its next attempt
    /// may be late.
    fn after_outage(&self, in_background: bool) -> Duration {
        if in_background { self.wait.max(LONGEST_PAUSE) } else { self.wait }
    }

    /// Waits for the end of an outage. Returns the number of calls until then.
    async fn end_outage(&self, end: Instant, watch: &Watch, call: ApiCall) -> usize {
        sleep_until(end).await;
        // An app that sends in the background begins late in a short outage.
        watch.until(self.wait.min(SETTLE), call, |calls| !calls.is_empty()).await;
        let before = watch.calls(call).len();
        self.sandbox.clear_faults();
        before
    }
}

/// Whether the lead of a click has arrived.
pub(super) fn has_lead(calls: &[RequestRecord], click_id: &str) -> bool {
    calls.iter().any(|call| is_settled(call) && call.click_id.as_deref() == Some(click_id))
}

fn shown(length: Duration) -> String {
    format!("{} s", length.as_secs_f64())
}
