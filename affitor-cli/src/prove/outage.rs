//! The service fails for a while: sign-ups must succeed, and no payment may be lost.

use affitor_sandbox::{ApiCall, Fault, RequestRecord};

use super::{
    Proof, SETTLE, Stop,
    deliver::Endpoint,
    finding::FindingId,
    visitor::Visitor,
    watch::{Watch, is_settled},
};
use crate::{browser::CLICK_ID_COOKIE, failure::Failure, payment::Payment};

const SIGN_UP: &str = "sign-up, outage";
pub(super) const SALE: &str = "sale, outage";

impl Proof {
    /// A visitor signs up while the service fails.
    pub(super) async fn sign_up_in_outage(&mut self) -> Result<(), Failure> {
        let click_id = self.click().await?;
        let mut visitor = Visitor::new(&self.url)?;
        let url = self.url.clone();
        visitor.store(&url, CLICK_ID_COOKIE, &click_id);
        let watch = Watch::begin(&self.sandbox);
        self.sandbox.inject(Fault::BadGateway.always());
        let result = self.sign_up(&mut visitor, &click_id).await;
        let before = self.attempted(&watch, ApiCall::Lead).await;
        self.sandbox.clear_faults();
        if let Err(finding) = result? {
            self.report.failed(
                SIGN_UP,
                FindingId::SignupFailsInOutage.found(format!("while the service fails, {}", finding.message)),
            );
            return Ok(());
        }
        let is_there = |calls: &[RequestRecord]| {
            calls.iter().any(|call| is_settled(call) && call.click_id.as_deref() == Some(&*click_id))
        };
        let calls = watch.until(self.wait, ApiCall::Lead, is_there).await;
        let seconds = self.wait.as_secs();
        if is_there(&calls) {
            self.report.passed(SIGN_UP, "succeeded while the service failed; the lead arrived later");
        } else if calls.len() > before {
            self.report.waiting(SIGN_UP, format!("succeeded; its lead has not arrived {seconds} s after the outage"));
        } else {
            let lost = format!(
                "succeeded; its lead has not arrived within {seconds} s: it is lost, unless the app retries later. See \
                 docs/guides/background.md"
            );
            self.report.warning(SIGN_UP, lost);
        }
        Ok(())
    }

    /// A payment arrives while the service fails. The provider redelivers what the app did not accept.
    pub(super) async fn sale_in_outage(&mut self, endpoint: &Endpoint, payment: &dyn Payment) -> Result<(), Stop> {
        let deliveries = payment.paid();
        let watch = Watch::begin(&self.sandbox);
        self.sandbox.inject(Fault::BadGateway.always());
        let again = endpoint.deliver_once(&deliveries).await;
        let before = self.attempted(&watch, ApiCall::Sale).await;
        self.sandbox.clear_faults();
        if let Err(finding) = endpoint.deliver(&again).await {
            self.report.failed(SALE, finding);
            return Ok(());
        }
        watch.until(self.wait, ApiCall::Sale, |calls| calls.iter().any(|call| call.changed)).await;
        // A double one may come a moment later.
        let is_double = |calls: &[RequestRecord]| calls.iter().filter(|call| call.changed).count() > 1;
        let calls = watch.until(self.wait.min(SETTLE), ApiCall::Sale, is_double).await;
        let recorded = calls.iter().filter(|call| call.changed).count();
        let seconds = self.wait.as_secs();
        match recorded {
            0 if calls.len() > before || !again.is_empty() => {
                self.report.waiting(SALE, format!("the sale has not arrived {seconds} s after the outage"));
            }
            0 => {
                let message = format!(
                    "the app accepted the webhook while the service failed; the sale has not arrived {seconds} s later"
                );
                self.report.failed(SALE, FindingId::SaleLostInOutage.found(message));
            }
            1 if again.is_empty() => {
                self.report.passed(SALE, "accepted while the service failed; the sale arrived later, once");
            }
            1 => self.report.passed(SALE, "redelivered after the outage; the sale arrived once"),
            _ => self
                .report
                .failed(SALE, FindingId::DoubleReporting.found(format!("{recorded} sales arrived for one payment"))),
        }
        Ok(())
    }

    /// Waits until the app has tried once, if it does so in the background. Returns the number of attempts.
    async fn attempted(&self, watch: &Watch, call: ApiCall) -> usize {
        watch.until(self.wait.min(SETTLE), call, |calls| !calls.is_empty()).await.len()
    }
}
