//! The visitor starts to pay: what the app's checkout sends to the payment provider.

use std::collections::HashSet;

use affitor::Currency;

use super::{
    Proof, Stop,
    customer_key::differs,
    finding::{Finding, FindingId},
    purchase::Purchase,
    shown::customer,
    sign_up::Buyer,
    stripe_api::{Created, StripeApi},
    visitor::Visitor,
};
use crate::provider::PaymentProvider;

const CHECKOUT: &str = "checkout";
pub(super) const SESSION: &str = "session metadata";
const SUBSCRIPTION: &str = "subscription metadata";

/// Name of the metadata that links a payment to the lead.
const CUSTOMER_KEY: &str = "affitor_customer_key";

/// Amount if the checkout does not tell it, in cents.
const AMOUNT: u64 = 4_900;

/// What is to be paid, and what its metadata lacks.
pub(super) struct CheckedOut {
    pub(super) purchase: Purchase,
    /// What the session lacks, unless the app finds the customer by `client_reference_id`.
    pub(super) session_problem: Option<Finding>,
    pub(super) renewals_have_customer: bool,
}

impl Proof {
    /// Starts a checkout as the buyer, and looks at what the provider got to know.
    pub(super) async fn check_out(&mut self, buyer: &mut Buyer) -> Result<CheckedOut, Stop> {
        let is_stripe = self.config.webhook.as_ref().is_some_and(|webhook| webhook.provider == PaymentProvider::Stripe);
        let key = buyer.customer_key.clone();
        // Every provider but Stripe is told of the customer by the webhook alone.
        let purchase = Purchase {
            customer_key: key.clone(),
            amount_cents: AMOUNT - discount(AMOUNT),
            discount_cents: discount(AMOUNT),
            currency: Currency::USD,
            is_subscription: true,
            session: None,
        };
        let Some(session) = self.session(buyer).await? else {
            let why = match (is_stripe, self.stripe.is_some()) {
                (false, _) => "only Stripe's API has a stand-in",
                (true, false) => "`webhook.api` names no variable for a stand-in of Stripe's API",
                (true, true) => "there was no checkout",
            };
            self.report.skipped(&[SESSION, SUBSCRIPTION], why);
            return Ok(CheckedOut { purchase, session_problem: None, renewals_have_customer: true });
        };
        let session_problem = problem(&session, "metadata", &key, &self.customers, FindingId::SessionMetadataMissing);
        let missing_cookie = buyer.visitor.as_ref().and_then(Visitor::missing_cookie);
        let session_problem = session_problem.map(|finding| match missing_cookie {
            Some(reason) => Finding { hint: reason, ..finding },
            None => finding,
        });
        let has_reference = session.get("client_reference_id") == Some(&key);
        let is_missing = |finding: &Finding| finding.id == FindingId::SessionMetadataMissing.as_str();
        let session_problem = match session_problem {
            Some(finding) if !(is_missing(&finding) && has_reference) => {
                let stop = self.stop(SESSION, finding);
                return Err(stop);
            }
            excused => excused,
        };
        if session_problem.is_none() {
            self.report.passed(SESSION, format!("{CUSTOMER_KEY} is {}", customer(&key)));
        }
        let program = self.sandbox.program_id().to_string();
        if let Some(other) = session.map("metadata").get("program_id").filter(|id| **id != program) {
            let message = format!(
                "metadata[program_id] is {other:?}, and AFFITOR_PROGRAM_ID of this run is {program}: if Stripe is connected, Affitor \
                 looks for the customer in another program"
            );
            self.report.warning(SESSION, message);
        }
        let is_subscription = session.is_subscription();
        let missing = FindingId::SubscriptionMetadataMissing;
        let renewals = || problem(&session, "subscription_data[metadata]", &key, &self.customers, missing);
        let renewal_problem = is_subscription.then(renewals).flatten();
        let renewals_have_customer = renewal_problem.is_none();
        match renewal_problem {
            Some(finding) => self.report.failed(SUBSCRIPTION, finding),
            None if is_subscription => {
                self.report.passed(SUBSCRIPTION, format!("{CUSTOMER_KEY} is {}", customer(&key)));
            }
            None => {}
        }
        let (amount_cents, currency) = session.amount().unwrap_or((AMOUNT, "USD".to_owned()));
        let currency = currency.parse().unwrap_or(Currency::USD);
        let discount_cents = discount(amount_cents);
        let amount_cents = amount_cents - discount_cents;
        let session = Some(session);
        let purchase = Purchase { amount_cents, discount_cents, currency, is_subscription, session, ..purchase };
        Ok(CheckedOut { purchase, session_problem, renewals_have_customer })
    }

    /// Starts another checkout of the same buyer, for a payment of its own. Returns `None` if that fails.
    pub(super) async fn check_out_again(&mut self, buyer: &mut Buyer, purchase: &Purchase) -> Option<Purchase> {
        if purchase.session.is_none() {
            return Some(purchase.clone());
        }
        let (stripe, visitor, checkout) =
            (self.stripe.as_ref()?, buyer.visitor.as_mut()?, self.config.checkout.as_ref()?);
        let known = stripe.sessions().len();
        visitor.return_from_payment();
        visitor.follow(&checkout.steps).await.ok()?;
        let session = stripe.sessions().into_iter().nth(known)?;
        Some(Purchase { session: Some(session), ..purchase.clone() })
    }

    /// Carries out the steps of the checkout, and returns the session that the app created meanwhile.
    async fn session(&mut self, buyer: &mut Buyer) -> Result<Option<Created>, Stop> {
        let Some(checkout) = &self.config.checkout else {
            self.report.skipped(&[CHECKOUT], "affitor.toml has no `checkout`");
            return Ok(None);
        };
        if self.config.signup.command.is_some() {
            self.report.skipped(&[CHECKOUT], "the sign-up is a command, so nobody is logged in");
            return Ok(None);
        }
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
            let missing_cookie = visitor.missing_cookie().filter(|_| page.status < 500);
            return self.fail(match (unknown_calls.first(), missing_cookie) {
                (Some(call), _) => {
                    Finding { hint: format!("the stand-in of Stripe's API does not know {call}"), ..finding }
                }
                (None, Some(reason)) => Finding { hint: reason, ..finding },
                (None, None) => finding,
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
}

/// What is taken off a list price: a tenth, or a cent more. What is paid is never a whole amount, which would hide that cents are lost.
fn discount(list_price: u64) -> u64 {
    let tenth = list_price / 10;
    let is_whole = (list_price - tenth).is_multiple_of(100);
    if is_whole { tenth + u64::from(list_price > 1) } else { tenth }
}

/// Returns what is wrong with one of the two maps of metadata.
fn problem(
    session: &Created,
    place: &str,
    customer_key: &str,
    known: &HashSet<String>,
    missing: FindingId,
) -> Option<Finding> {
    let metadata = session.map(place);
    let Some(sent) = metadata.get(CUSTOMER_KEY).filter(|sent| !sent.is_empty()) else {
        return Some(missing.found(format!("the checkout session has no {place}[{CUSTOMER_KEY}]")));
    };
    let found = || {
        let (shown, lead) = (customer(sent), customer(customer_key));
        let message = format!("{place}[{CUSTOMER_KEY}] is {shown}, and the customer key of the lead is {lead}");
        differs(message, sent, customer_key, known)
    };
    (sent != customer_key).then(found)
}
