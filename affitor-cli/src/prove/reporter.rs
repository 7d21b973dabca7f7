//! Who reports Stripe's payments: if both the app and Affitor do, each one counts twice.

use std::{env, ffi::OsString};

use affitor_payments::StripeReporter;
use affitor_sandbox::ApiCall;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::{
    Proof, SETTLE, Stop,
    deliver::Endpoint,
    finding::FindingId,
    names::{AFTER_SALE, CONNECTED, SALE},
    purchase::Purchase,
    say,
    watch::Watch,
};
use crate::{failure::Failure, http, payment::Delivery, provider::PaymentProvider};

/// Returns who is to report the payments: what the environment says, else the app.
pub(super) fn chosen() -> Result<StripeReporter, Failure> {
    let name = StripeReporter::VARIABLE;
    let Some(text) = env::var(name).ok().filter(|text| !text.trim().is_empty()) else { return Ok(StripeReporter::App) };
    text.parse().map_err(|error| Failure::usage(format!("{error}"), "`affitor prove` takes `app` if it is not set"))
}

/// Who reported a payment while Stripe was connected.
struct Reported {
    by_app: bool,
    by_affitor: bool,
}

impl Proof {
    /// The endpoint at which the sandbox reads the webhooks of a connected account.
    fn of_affitor(&self, secret: &str) -> Result<Endpoint, Failure> {
        let url = format!("{}/webhooks/stripe/{}", self.sandbox.url(), self.sandbox.program_id());
        let url = url.parse().map_err(|_| Failure::usage("the sandbox has no URL", "run the command again"))?;
        Endpoint::new(url, PaymentProvider::Stripe, secret)
    }

    /// Delivers webhooks to the app and to the sandbox, as Stripe does while it is connected.
    async fn deliver_to_both(
        &self,
        app: &Endpoint,
        secret: &str,
        deliveries: &[Delivery],
    ) -> Result<Reported, Failure> {
        let watch = Watch::begin(&self.sandbox);
        let before = self.sandbox.sales().len();
        let affitor = self.of_affitor(secret)?;
        affitor.deliver_once(deliveries).await;
        let by_affitor = self.sandbox.sales().len() > before;
        app.deliver_once(deliveries).await;
        let calls = watch.until(self.wait.min(SETTLE), ApiCall::Sale, |calls| calls.iter().any(|call| call.changed));
        let by_app = calls.await.iter().any(|call| call.changed);
        Ok(Reported { by_app, by_affitor })
    }

    /// A payment that the app leaves to Affitor.
    pub(super) async fn sale_left_to_affitor(
        &mut self,
        app: &Endpoint,
        secret: &str,
        purchase: &Purchase,
    ) -> Result<(), Stop> {
        let deliveries = purchase.payment(PaymentProvider::Stripe).paid();
        if let Err(finding) = app.deliver(&deliveries).await {
            self.report.failed(SALE, finding);
            return Ok(());
        }
        match self.deliver_to_both(app, secret, &deliveries).await? {
            Reported { by_app: true, .. } => self.report.failed(
                SALE,
                FindingId::DoubleReporting.because(
                    format!("{}=affitor, and the app reported the sale as well", StripeReporter::VARIABLE),
                    "the webhook is created with another `StripeReporter`, or the handler reports by itself",
                ),
            ),
            Reported { by_affitor: true, .. } => {
                self.report.passed(SALE, "left to Affitor, which read it from Stripe's webhook, once");
            }
            Reported { .. } => self.report.failed(
                SALE,
                FindingId::SaleNotAttributed.because(
                    "the app leaves the sale to Affitor, which could not attribute it",
                    "the session's metadata lacks `program_id` or `affitor_customer_key`: use `affitor.stripe_metadata`",
                ),
            ),
        }
        self.report.skipped(AFTER_SALE, "Affitor reports Stripe's payments");
        Ok(())
    }

    /// Connects Stripe to the program, starts the app again, and lets the buyer pay once more.
    pub(super) async fn sale_with_stripe_connected(&mut self, command: &[OsString]) -> Result<(), Stop> {
        let is_stripe = self.config.webhook.as_ref().is_some_and(|webhook| webhook.provider == PaymentProvider::Stripe);
        let Some(secret) = self.secret.clone().filter(|_| is_stripe) else { return Ok(()) };
        if command.is_empty() {
            self.report.skipped(&[CONNECTED], "the app would have to be started again");
            return Ok(());
        }
        let Some((endpoint, purchase)) = self.next_payment()?.filter(|(_, purchase)| purchase.session.is_some()) else {
            let why = if self.report.has_findings() { "see above" } else { "no other payment was begun" };
            self.report.skipped(&[CONNECTED], why);
            return Ok(());
        };
        say(
            "Stripe is connected now, and the app is started again. It may log that payments would count twice: that is right.",
        );
        if let Some(app) = self.app.take() {
            app.stop().await;
        }
        self.connect_stripe(&secret).await?;
        let watch = Watch::begin(&self.sandbox);
        self.start_again(command).await?;
        // An app with a ledger asks at once, others with their first payment.
        watch.until(self.wait.min(SETTLE), ApiCall::Status, |calls| !calls.is_empty()).await;
        let deliveries = purchase.payment(endpoint.provider).paid();
        match self.deliver_to_both(&endpoint, &secret, &deliveries).await? {
            Reported { by_affitor: false, .. } => self.report.skipped(
                &[CONNECTED],
                "Affitor could not read the payment: the session's metadata has no `program_id`, or that of another program",
            ),
            Reported { by_app: true, .. } => self.report.warning(
                CONNECTED,
                "if Stripe is connected to your program, each payment counts twice, because both Affitor and the app report it: \
                 `affitor doctor` says whether it is connected",
            ),
            Reported { .. } if self.report.has_findings() => self.report.skipped(
                &[CONNECTED],
                "the app reported nothing, which may be what was found above: correct that, and repeat the command",
            ),
            Reported { .. } => self.report.passed(CONNECTED, "only Affitor reported the payment, so it counts once"),
        }
        Ok(())
    }

    async fn connect_stripe(&self, secret: &str) -> Result<(), Failure> {
        let url = format!("{}/api/v1/cli/stripe-connect", self.sandbox.url());
        let failed = |error: reqwest::Error| Failure::usage(error.to_string(), "run the command again");
        let url: reqwest::Url =
            url.parse().map_err(|_| Failure::usage("the sandbox has no URL", "run the command again"))?;
        let program = self.sandbox.program_id().to_string();
        let body = json!({ "program_id": program, "stripe_user_id": "acct_1", "webhook_endpoint_id": "we_1",
            "webhook_secret": secret });
        let request = http::client(&url).build().map_err(failed)?.post(url).bearer_auth(self.sandbox.api_key());
        request
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(failed)?;
        Ok(())
    }
}
