//! The payment provider's webhooks: sale, redelivery, renewal and refunds.

use affitor_sandbox::{ApiCall, RequestRecord};

use super::{
    Proof, SETTLE, Stop,
    checkout::CheckedOut,
    deliver::Endpoint,
    finding::{Finding, FindingId},
    outage,
    provider::{Delivery, Payment, Purchase, payment, signer},
    sign_up::Buyer,
    watch::{Watch, is_settled},
};

const SALE: &str = "sale";
const REDELIVERY: &str = "redelivery";
const RENEWAL: &str = "renewal";
const PARTIAL_REFUND: &str = "partial refund";
const REFUND: &str = "refund";
const AFTER_SALE: &[&str] = &[REDELIVERY, PARTIAL_REFUND, RENEWAL, REFUND, outage::SALE];

impl Proof {
    /// Lets the buyer pay, and the provider report it.
    pub(super) async fn payments(&mut self, buyer: &mut Buyer) -> Result<(), Stop> {
        let Some((webhook, secret)) = self.config.webhook.clone().zip(self.secret.clone()) else {
            self.report.not_checked(&["checkout", SALE], "affitor.toml has no `webhook`");
            self.report.not_checked(AFTER_SALE, "affitor.toml has no `webhook`");
            return Ok(());
        };
        let CheckedOut { purchase, renewals_have_customer } = self.check_out(buyer).await?;
        let url = self.url.join(&webhook.path).unwrap_or_else(|_| self.url.clone());
        let endpoint = Endpoint::new(url, signer(webhook.provider, &secret)?)?;
        let mut first = payment(webhook.provider, &purchase);

        let paid = first.paid();
        let watch = Watch::begin(&self.sandbox);
        if let Err(finding) = self.sale(&endpoint, &paid, &purchase, &watch).await {
            self.report.failed(SALE, finding);
            self.report.not_checked(AFTER_SALE, "there is no sale");
            return Ok(());
        }
        self.redelivery(&endpoint, &paid, &watch).await;
        let part = (purchase.amount_cents / 4).max(1);
        let partial = first.refunded(part);
        self.refund(PARTIAL_REFUND, &endpoint, &partial, Some(part)).await;
        match (purchase.is_subscription, renewals_have_customer) {
            (true, true) => self.renewal(&endpoint, first.as_mut(), &purchase).await,
            (true, false) => self.report.not_checked(&[RENEWAL], "it would not be attributed"),
            (false, _) => self.report.not_checked(&[RENEWAL], "the checkout makes no subscription"),
        }
        let rest = first.refunded_in_full();
        self.refund(REFUND, &endpoint, &rest, None).await;
        self.sale_in_outage(&endpoint, payment(webhook.provider, &purchase).as_ref()).await
    }

    async fn sale(
        &mut self,
        endpoint: &Endpoint,
        paid: &[Delivery],
        purchase: &Purchase,
        watch: &Watch,
    ) -> Result<(), Finding> {
        endpoint.deliver(paid).await?;
        let call = self.one_sale(watch, purchase, FindingId::NoSale).await?;
        let id = call.transaction_id.as_deref().unwrap_or("?");
        let partner = call.partner_code.as_deref().unwrap_or("?");
        let amount = call.amount().unwrap_or_default();
        self.report.passed(SALE, format!("{amount}, transaction {id}, for partner {partner}"));
        Ok(())
    }

    /// Waits for a sale, and checks that it is the only one.
    async fn one_sale(&self, watch: &Watch, purchase: &Purchase, missing: FindingId) -> Result<RequestRecord, Finding> {
        let calls = watch.until(self.wait, ApiCall::Sale, |calls| calls.iter().any(|call| call.changed)).await;
        let recorded: Vec<_> = calls.iter().filter(|call| call.changed).collect();
        let Some(first) = recorded.first() else { return Err(no_sale(&calls, purchase, missing)) };
        if let Some(finding) = double(&recorded) {
            return Err(finding);
        }
        let expected = purchase.amount_cents;
        if first.amount_cents != Some(expected) || first.currency.as_deref() != Some(purchase.currency.as_str()) {
            let amount = first.amount().unwrap_or_default();
            let message = format!(
                "the sale is {amount}, and the customer paid {expected} of the smallest unit of {}",
                purchase.currency
            );
            return Err(FindingId::WrongAmount.found(message));
        }
        Ok((*first).clone())
    }

    /// Providers deliver webhooks more than once.
    async fn redelivery(&mut self, endpoint: &Endpoint, paid: &[Delivery], watch: &Watch) {
        if let Err(finding) = endpoint.deliver(paid).await {
            self.report.failed(REDELIVERY, finding);
            return;
        }
        let is_double = |calls: &[RequestRecord]| calls.iter().filter(|call| call.changed).count() > 1;
        let calls = watch.until(self.wait.min(SETTLE), ApiCall::Sale, is_double).await;
        let recorded: Vec<_> = calls.iter().filter(|call| call.changed).collect();
        match double(&recorded) {
            Some(finding) => self.report.failed(REDELIVERY, finding),
            None => self.report.passed(REDELIVERY, "still one sale"),
        }
    }

    async fn renewal(&mut self, endpoint: &Endpoint, payment: &mut dyn Payment, purchase: &Purchase) {
        let watch = Watch::begin(&self.sandbox);
        let renewed = payment.renewed();
        let result = match endpoint.deliver(&renewed).await {
            Ok(()) => self.one_sale(&watch, purchase, FindingId::NoRenewal).await,
            Err(finding) => Err(finding),
        };
        match result {
            Ok(call) => {
                let id = call.transaction_id.as_deref().unwrap_or("?");
                self.report.passed(RENEWAL, format!("{}, transaction {id}", call.amount().unwrap_or_default()));
            }
            Err(finding) if self.report.has(finding.id) => self.report.not_checked(&[RENEWAL], "see above"),
            Err(finding) => self.report.failed(RENEWAL, finding),
        }
    }

    /// Delivers a refund and checks that it arrives once. `part` is the amount, `None` for the whole rest.
    async fn refund(&mut self, name: &'static str, endpoint: &Endpoint, refund: &[Delivery], part: Option<u64>) {
        let watch = Watch::begin(&self.sandbox);
        let result = match endpoint.deliver(refund).await {
            Ok(()) => self.one_refund(&watch, part).await,
            Err(finding) => Err(finding),
        };
        match result {
            Ok(id) => self.report.passed(name, format!("of transaction {id}")),
            // The same mistake as that of an earlier refund.
            Err(finding) if self.report.has(finding.id) => self.report.not_checked(&[name], "see above"),
            Err(finding) => self.report.failed(name, finding),
        }
    }

    async fn one_refund(&self, watch: &Watch, part: Option<u64>) -> Result<String, Finding> {
        let calls = watch.until(self.wait, ApiCall::Refund, |calls| calls.iter().any(is_settled)).await;
        // A double one would come a moment later.
        let is_double = |calls: &[RequestRecord]| calls.iter().filter(|call| call.changed).count() > 1;
        let calls =
            if calls.is_empty() { calls } else { watch.until(self.wait.min(SETTLE), ApiCall::Refund, is_double).await };
        let recorded: Vec<_> = calls.iter().filter(|call| call.changed).collect();
        let Some(refund) = recorded.first() else { return Err(no_refund(&calls)) };
        if recorded.len() > 1 {
            return Err(FindingId::DoubleReporting.because(
                "one refund was reported twice",
                "Stripe reports each refund on the charge and as a refund; only one of them may count",
            ));
        }
        match (part, refund.amount_cents) {
            (Some(part), Some(sent)) if sent != part => {
                Err(FindingId::WrongAmount.found(format!("{part} cents were refunded, and {sent} were reported")))
            }
            (Some(part), None) => Err(FindingId::WrongAmount.because(
                format!("{part} cents were refunded, and a full refund was reported"),
                "the handler uses `Refund::full` for every refund",
            )),
            _ => Ok(refund.transaction_id.clone().unwrap_or_default()),
        }
    }
}

fn double(recorded: &[&RequestRecord]) -> Option<Finding> {
    let ids: Vec<_> = recorded.iter().filter_map(|call| call.transaction_id.as_deref()).collect();
    (ids.len() > 1).then(|| {
        FindingId::DoubleReporting.found(format!("one payment was reported as {} sales: {}", ids.len(), ids.join(", ")))
    })
}

fn no_sale(calls: &[RequestRecord], purchase: &Purchase, missing: FindingId) -> Finding {
    let Some(call) = calls.last() else {
        return missing.found("the app accepted all webhooks of the payment, but no sale arrived");
    };
    let error = call.error.as_deref().unwrap_or("no reason");
    if call.status == Some(401) {
        return missing.because(
            format!("the sandbox rejected the sale: {error}"),
            "the app does not read its API key from AFFITOR_API_KEY",
        );
    }
    match call.customer_key.as_deref() {
        Some(key) if key != purchase.customer_key => {
            let shown = if key.contains('@') { "an e-mail address" } else { key };
            let message =
                format!("the sale has the customer key {shown}, and the lead has {}: {error}", purchase.customer_key);
            FindingId::CustomerKeyDiffers.found(message)
        }
        _ => FindingId::SaleNotAttributed.found(format!("the sale was not attributed: {error}")),
    }
}

fn no_refund(calls: &[RequestRecord]) -> Finding {
    match calls.last() {
        None => FindingId::NoRefund.found("the app accepted the webhooks of the refund, but no refund arrived"),
        Some(call) if call.status == Some(404) => {
            let id = call.transaction_id.as_deref().unwrap_or("?");
            FindingId::RefundIdDiffers
                .found(format!("the refund was reported for {id}, and there is no sale with this transaction id"))
        }
        Some(call) => FindingId::NoRefund.because(
            format!("the refund had no effect: {}", call.error.as_deref().unwrap_or("no reason")),
            "see the service's message",
        ),
    }
}
