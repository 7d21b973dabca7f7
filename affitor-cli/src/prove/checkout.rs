//! The visitor starts to pay: what the app's checkout sends to the payment provider.

use affitor::Currency;

use super::{
    Proof, Stop,
    config::ProviderName,
    finding::{Finding, FindingId},
    provider::Purchase,
    sign_up::Buyer,
    stripe_api::{Created, StripeApi},
};

const CHECKOUT: &str = "checkout";
const SESSION: &str = "session metadata";
const SUBSCRIPTION: &str = "subscription metadata";

/// Name of the metadata that links a payment to the lead.
const CUSTOMER_KEY: &str = "affitor_customer_key";

/// Amount if the checkout does not tell it, in cents.
const AMOUNT: u64 = 4_900;

/// What is to be paid, and whether renewals can find their customer.
pub(super) struct CheckedOut {
    pub(super) purchase: Purchase,
    pub(super) renewals_have_customer: bool,
}

impl Proof {
    /// Starts a checkout as the buyer, and checks what the provider got to know.
    pub(super) async fn check_out(&mut self, buyer: &mut Buyer) -> Result<CheckedOut, Stop> {
        let is_stripe = self.config.webhook.as_ref().is_some_and(|webhook| webhook.provider == ProviderName::Stripe);
        let customer_key = buyer.customer_key.clone();
        // Every provider but Stripe is told of the customer by the webhook alone.
        let unknown = Purchase {
            customer_key,
            amount_cents: AMOUNT,
            currency: Currency::USD,
            is_subscription: true,
            session: None,
        };
        let Some(session) = self.session(buyer).await? else {
            let why = if is_stripe {
                "`webhook.api` names no variable for a stand-in of Stripe's API"
            } else {
                "only Stripe's API has a stand-in"
            };
            self.report.not_checked(&[SESSION, SUBSCRIPTION], why);
            return Ok(CheckedOut { purchase: unknown, renewals_have_customer: true });
        };
        self.check_metadata(&session, &unknown.customer_key)?;
        let renewals_have_customer = !session.is_subscription() || self.check_renewals(&session, &unknown.customer_key);
        let (amount_cents, currency) = session.amount().unwrap_or((AMOUNT, "USD".to_owned()));
        let currency = currency.parse().unwrap_or(Currency::USD);
        let is_subscription = session.is_subscription();
        let purchase = Purchase { amount_cents, currency, is_subscription, session: Some(session), ..unknown };
        Ok(CheckedOut { purchase, renewals_have_customer })
    }

    /// Carries out the steps of the checkout, and returns the session that the app created meanwhile.
    async fn session(&mut self, buyer: &mut Buyer) -> Result<Option<Created>, Stop> {
        let Some(checkout) = &self.config.checkout else {
            self.report.not_checked(&[CHECKOUT], "affitor.toml has no `checkout`");
            return Ok(None);
        };
        let known = self.stripe.as_ref().map_or(0, |stripe| stripe.sessions().len());
        let Some(visitor) = &mut buyer.visitor else {
            return self.manual_checkout(known).await;
        };
        let page = match visitor.follow(&checkout.steps).await {
            Ok(page) => page,
            Err(error) => return self.fail(FindingId::CheckoutFailed.found(error.to_string())),
        };
        let unknown_calls = self.stripe.as_ref().map(StripeApi::unknown_calls).unwrap_or_default();
        if let Some(finding) = self.rejected(&page, FindingId::CheckoutFailed) {
            return self.fail(match unknown_calls.first() {
                Some(call) => {
                    Finding { reason: format!("the stand-in of Stripe's API does not know {call}"), ..finding }
                }
                None => finding,
            });
        }
        let Some(stripe) = &self.stripe else {
            self.report.passed(CHECKOUT, "started");
            return Ok(None);
        };
        let Some(session) = stripe.sessions().into_iter().nth(known) else {
            let variable = self.config.webhook.as_ref().and_then(|webhook| webhook.api.clone()).unwrap_or_default();
            let message = "the checkout succeeded, but created no Checkout session at the URL of Stripe's API";
            return self.fail(
                FindingId::CheckoutFailed.because(message, format!("the app's Stripe client does not use {variable}")),
            );
        };
        self.report.passed(CHECKOUT, format!("created a session with mode {}", session.get("mode").unwrap_or("?")));
        Ok(Some(session))
    }

    fn fail(&mut self, finding: Finding) -> Result<Option<Created>, Stop> {
        Err(self.stop(CHECKOUT, finding))
    }

    fn check_metadata(&mut self, session: &Created, customer_key: &str) -> Result<(), Stop> {
        match problem(session, "metadata", customer_key, FindingId::SessionMetadataMissing) {
            Some(finding) => Err(self.stop(SESSION, finding)),
            None => {
                self.report.passed(SESSION, format!("{CUSTOMER_KEY} is {customer_key}"));
                Ok(())
            }
        }
    }

    fn check_renewals(&mut self, session: &Created, customer_key: &str) -> bool {
        match problem(session, "subscription_data[metadata]", customer_key, FindingId::SubscriptionMetadataMissing) {
            Some(finding) => {
                self.report.failed(SUBSCRIPTION, finding);
                false
            }
            None => {
                self.report.passed(SUBSCRIPTION, format!("{CUSTOMER_KEY} is {customer_key}"));
                true
            }
        }
    }
}

/// Returns what is wrong with one of the two maps of metadata.
fn problem(session: &Created, place: &str, customer_key: &str, missing: FindingId) -> Option<Finding> {
    let metadata = session.map(place);
    let Some(sent) = metadata.get(CUSTOMER_KEY).filter(|sent| !sent.is_empty()) else {
        return Some(missing.found(format!("the checkout session has no {place}[{CUSTOMER_KEY}]")));
    };
    // Another user's id may be an e-mail address, which is not shown.
    let shown = if sent.contains('@') { "an e-mail address" } else { sent };
    let differs = || format!("{place}[{CUSTOMER_KEY}] is {shown}, and the customer key of the lead is {customer_key}");
    (sent != customer_key).then(|| FindingId::CustomerKeyDiffers.found(differs()))
}
