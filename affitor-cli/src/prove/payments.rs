//! The payment provider's webhooks: sale, redelivery, renewal and refunds.

use affitor_payments::StripeReporter;
use affitor_sandbox::{ApiCall, RequestRecord};

use super::{
    Proof, SETTLE, Stop,
    checkout::{CheckedOut, SESSION},
    deliver::Endpoint,
    finding::{Finding, FindingId},
    names::{AFTER_SALE, PARTIAL_REFUND, REDELIVERY, REFUND, RENEWAL, SALE, SIGNATURE, UNPAID},
    outage,
    purchase::Purchase,
    refund::Expected,
    renewal::{not_shared, shared_id},
    sale::{self, double},
    say,
    sign_up::Buyer,
    watch::{Watch, is_double},
};
use crate::payment::Delivery;

impl Proof {
    /// Lets the buyer pay, and the provider report it.
    pub(super) async fn payments(&mut self, buyer: &mut Buyer) -> Result<(), Stop> {
        let Some((webhook, secret)) = self.config.webhook.clone().zip(self.secret.clone()) else {
            self.report.skipped(&["checkout", SALE], "affitor.toml has no `webhook`");
            self.report.skipped(AFTER_SALE, "affitor.toml has no `webhook`");
            return Ok(());
        };
        let CheckedOut { purchase, session_problem, renewals_have_customer } = self.check_out(buyer).await?;
        if let Some(visitor) = &mut buyer.visitor {
            self.check_caching(visitor);
        }
        let url = self.url.join(&webhook.path).unwrap_or_else(|_| self.url.clone());
        let endpoint = Endpoint::new(url, webhook.provider, &secret)?;
        if self.reporter == StripeReporter::Affitor {
            return self.sale_left_to_affitor(&endpoint, &secret, &purchase).await;
        }
        let mut payment = purchase.payment(webhook.provider);

        let paid = payment.paid();
        let watch = Watch::begin(&self.sandbox);
        let sale = self.sale(&endpoint, &paid, &purchase, &watch, FindingId::NoSale).await;
        let Some(mut sale_id) = self.judge(SALE, sale, session_problem) else {
            self.report.skipped(AFTER_SALE, "the sale is missing or wrong");
            return Ok(());
        };
        self.return_to_shop(buyer, &purchase).await;
        let unpaid = purchase.unpaid();
        self.redelivery(&endpoint, &paid, unpaid.as_ref(), &watch).await;
        if let Some(delivery) = paid.last()
            && endpoint.accepts_forgery(delivery).await
        {
            self.forge(&endpoint, &purchase).await;
        }

        let is_per_payment = self.second_payment(&endpoint, buyer, &purchase).await;

        let part = (purchase.amount_cents / 4).max(1);
        let mut rest = purchase.amount_cents - part;
        if rest > 0 {
            let expected = Expected { sale: &sale_id, amount: part, currency: purchase.currency, is_rest: false };
            self.refund(PARTIAL_REFUND, &endpoint, &payment.refunded(part), expected).await;
        } else {
            rest = purchase.amount_cents;
            self.report.skipped(&[PARTIAL_REFUND], "the amount is too small");
        }
        if !purchase.is_subscription {
            self.report.skipped(&[RENEWAL], "the checkout makes no subscription");
        } else if !renewals_have_customer {
            self.report.skipped(&[RENEWAL], "it would not be attributed");
        } else if is_per_payment == Some(false) {
            self.report.skipped(&[RENEWAL], "the second payment is missing or wrong");
        } else {
            let renewed = payment.renewed();
            let watch = Watch::begin(&self.sandbox);
            let renewal = self.sale(&endpoint, &renewed, &purchase, &watch, FindingId::NoRenewal).await;
            let renewal = renewal.map_err(|finding| shared_id(finding, &sale_id, &renewed));
            let renewal = renewal.and_then(|call| not_shared(call, &paid));
            let Some(renewal_id) = self.judge(RENEWAL, renewal, None) else {
                self.report.skipped(&[REFUND, outage::SALE], "the renewal is missing or wrong");
                return Ok(());
            };
            (sale_id, rest) = (renewal_id, purchase.amount_cents);
        }
        let expected = Expected { sale: &sale_id, amount: rest, currency: purchase.currency, is_rest: true };
        self.refund(REFUND, &endpoint, &payment.refunded_in_full(), expected).await;

        match is_per_payment {
            Some(true) => {}
            Some(false) => {
                self.report.skipped(&[outage::SALE], "the second payment is missing or wrong");
                return Ok(());
            }
            None => {
                self.report.skipped(&[outage::SALE], "it needs another checkout");
                return Ok(());
            }
        }
        // Sessions of the app may end with it, so what is paid later is begun now.
        for _ in 0..3 {
            let begun = self.check_out_again(buyer, &purchase).await;
            self.begun.extend(begun);
        }
        match self.begun.pop() {
            Some(purchase) => self.sale_in_outage(&endpoint, purchase.payment(webhook.provider).as_ref()).await,
            None => {
                self.report.skipped(&[outage::SALE], "it needs another checkout");
                Ok(())
            }
        }
    }

    /// Delivers the webhooks of a payment, and checks that they become one sale.
    pub(super) async fn sale(
        &self,
        endpoint: &Endpoint,
        paid: &[Delivery],
        purchase: &Purchase,
        watch: &Watch,
        missing: FindingId,
    ) -> Result<RequestRecord, Finding> {
        endpoint.deliver(paid).await.map_err(|finding| self.with_unknown_calls(finding))?;
        watch.until(self.wait, ApiCall::Sale, |calls| calls.iter().any(|call| call.changed)).await;
        // A double one may come a moment later.
        let calls = watch.until(self.wait.min(SETTLE), ApiCall::Sale, is_double).await;
        let sale = sale::sale(&calls, purchase, &self.customers, missing).cloned();
        let seconds = self.wait.as_secs();
        if let Some(slow) = endpoint.slowness() {
            return Err(slow);
        }
        if calls.is_empty() && endpoint.has_shown_page() {
            let message = "the app responded to the webhook with a page that has a form, and no sale arrived";
            return Err(FindingId::WebhookBlocked.found(message));
        }
        sale.map_err(|finding| match calls.is_empty() {
            true => Finding { message: format!("{} within {seconds} s (--wait)", finding.message), ..finding },
            false => finding,
        })
    }

    /// Reports a sale, and what the session's metadata lacks. Returns its transaction id.
    pub(super) fn judge(
        &mut self,
        name: &'static str,
        sale: Result<RequestRecord, Finding>,
        problem: Option<Finding>,
    ) -> Option<String> {
        const UNKNOWN_CUSTOMER: [FindingId; 4] =
            [FindingId::NoSale, FindingId::NoRenewal, FindingId::SaleNotAttributed, FindingId::CustomerKeyDiffers];
        match sale {
            Ok(call) => {
                if let Some(problem) = problem {
                    self.report.warning(SESSION, format!("{}; the app finds the customer otherwise", problem.message));
                }
                let id = call.transaction_id.clone().unwrap_or_default();
                let (amount, partner) = (call.amount().unwrap_or_default(), call.partner_code.unwrap_or_default());
                self.report.passed(name, format!("{amount}, transaction {id}, for partner {partner}"));
                Some(id)
            }
            Err(finding) => {
                let is_unknown = UNKNOWN_CUSTOMER.iter().any(|unknown| unknown.as_str() == finding.id);
                match problem.filter(|_| is_unknown) {
                    Some(problem) => self.report.failed(SESSION, problem),
                    None if self.report.has(finding.id) => self.report.skipped(&[name], "see above"),
                    None => self.report.failed(name, finding),
                }
                None
            }
        }
    }

    /// Delivers a payment that the provider has not signed. It must not become a sale.
    async fn forge(&mut self, endpoint: &Endpoint, purchase: &Purchase) {
        let watch = Watch::begin(&self.sandbox);
        say("Webhooks with a wrong signature follow. The app may log that it rejects them.");
        for delivery in &purchase.of_another_session().payment(endpoint.provider).paid() {
            endpoint.accepts_forgery(delivery).await;
        }
        let is_sale = |calls: &[RequestRecord]| calls.iter().any(|call| call.changed);
        let path = endpoint.path();
        if is_sale(&watch.until(self.wait.min(SETTLE), ApiCall::Sale, is_sale).await) {
            let message = format!("{path} reported a sale from a webhook with a wrong signature");
            self.report.failed(SIGNATURE, FindingId::WebhookUnverified.found(message));
        } else {
            let message = format!(
                "{path} responds with success to a webhook with a wrong signature, and reports nothing. If your secret is wrong one day, \
                 the provider will not redeliver: respond with 400"
            );
            self.report.warning(SIGNATURE, message);
        }
    }

    /// Names the calls of the app that the stand-in of the provider's API did not know.
    fn with_unknown_calls(&self, finding: Finding) -> Finding {
        let unknown = self.stripe.as_ref().and_then(|stripe| stripe.unknown_calls().into_iter().next());
        match unknown.filter(|_| finding.id == FindingId::WebhookFailed.as_str()) {
            Some(call) => Finding { hint: format!("the stand-in of Stripe's API does not know {call}"), ..finding },
            None => finding,
        }
    }

    /// After a payment, the browser opens the shop's page for it. It must not report the payment too.
    async fn return_to_shop(&self, buyer: &mut Buyer, purchase: &Purchase) {
        let (Some(visitor), Some(session)) = (&mut buyer.visitor, &purchase.session) else { return };
        if let Some(url) = session.get("success_url") {
            visitor.open(&url.replace("{CHECKOUT_SESSION_ID}", &session.id)).await;
        }
    }

    /// Providers deliver webhooks more than once. Among them is a session that is not paid yet.
    async fn redelivery(&mut self, endpoint: &Endpoint, paid: &[Delivery], unpaid: Option<&Delivery>, watch: &Watch) {
        let mut unpaid = unpaid;
        if let Some(delivery) = unpaid
            && !endpoint.deliver_once(std::slice::from_ref(delivery)).await.is_empty()
        {
            // The app may know its own sessions only.
            self.report.skipped(&[UNPAID], "the app does not accept a session that it did not create");
            unpaid = None;
        }
        if let Err(finding) = endpoint.deliver(paid).await {
            self.report.failed(REDELIVERY, finding);
            return;
        }
        let calls = watch.until(self.wait.min(SETTLE), ApiCall::Sale, is_double).await;
        let names = |call: &RequestRecord, unpaid: &Delivery| {
            let is_in = |delivery: &Delivery, id: &String| delivery.body.contains(id.as_str());
            // Both contain what the app chose, such as the id of an order.
            call.transaction_id.as_ref().is_some_and(|id| is_in(unpaid, id) && !paid.iter().any(|paid| is_in(paid, id)))
        };
        let (early, recorded): (Vec<_>, Vec<_>) =
            calls.iter().partition(|call| unpaid.is_some_and(|unpaid| names(call, unpaid)));
        match (early.first(), unpaid) {
            (Some(call), _) => {
                let id = call.transaction_id.as_deref().unwrap_or_default();
                let message =
                    format!("a checkout session with the payment status `unpaid` was reported as the sale {id}");
                self.report.failed(UNPAID, FindingId::UnpaidReported.found(message));
            }
            (None, Some(_)) => self.report.passed(UNPAID, "no sale before it is paid"),
            (None, None) => {}
        }
        let recorded: Vec<_> = recorded.into_iter().filter(|call| call.changed).collect();
        match double(&recorded) {
            Some(finding) => self.report.failed(REDELIVERY, finding),
            None => self.report.passed(REDELIVERY, "still one sale"),
        }
    }
}
