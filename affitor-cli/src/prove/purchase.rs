//! What a buyer pays for, as the payment provider knows it.

use affitor::Currency;
use affitor_payments::{
    Stripe,
    test_util::{TestPayment, TestProvider},
};
use serde_json::Value;

use super::stripe_api::Created;
use crate::{
    payment::{Delivery, Payment},
    provider::{PaymentProvider, with_provider},
};

/// Who pays, how much, and what the provider knows about it.
#[derive(Clone, Debug)]
pub(super) struct Purchase {
    pub(super) customer_key: String,
    /// What is paid, after the discount.
    pub(super) amount_cents: u64,
    /// What is taken off the list price, so that the two differ.
    pub(super) discount_cents: u64,
    pub(super) currency: Currency,
    pub(super) is_subscription: bool,
    /// What the app's checkout sent to the stand-in of Stripe's API.
    pub(super) session: Option<Created>,
}

impl Purchase {
    /// Creates a payment with new ids.
    pub(super) fn payment(&self, provider: PaymentProvider) -> Box<dyn Payment> {
        match &self.session {
            Some(session) => Box::new(of_session(self.new_payment(), session)),
            None => with_provider!(provider, P => Box::new(self.new_payment::<P>().customer_key(&self.customer_key))),
        }
    }

    /// The webhook about another session of Stripe's that is complete and not paid yet, as with bank transfers.
    pub(super) fn unpaid(&self) -> Option<Delivery> {
        self.session.as_ref()?;
        let paid = self.of_another_session().payment(PaymentProvider::Stripe).paid();
        let mut completed = paid.into_iter().find(|delivery| delivery.event_type == "checkout.session.completed")?;
        let mut event: Value = serde_json::from_str(&completed.body).ok()?;
        event["data"]["object"]["payment_status"] = "unpaid".into();
        completed.body = serde_json::to_string_pretty(&event).ok()?;
        completed.canonical = event.to_string();
        Some(completed)
    }

    /// The same, in a checkout of its own that the app did not begin.
    pub(super) fn of_another_session(&self) -> Self {
        Self { session: self.session.as_ref().map(Created::with_new_id), ..self.clone() }
    }

    fn new_payment<P: TestProvider>(&self) -> TestPayment<P> {
        let create = if self.is_subscription { TestPayment::subscription } else { TestPayment::new };
        create(self.amount_cents, self.currency).discount(self.discount_cents)
    }
}

/// What the app has not sent is missing in the webhooks.
fn of_session(payment: TestPayment<Stripe>, session: &Created) -> TestPayment<Stripe> {
    let mut payment = payment.session_id(&session.id);
    for (name, value) in session.map("metadata") {
        payment = payment.metadata(name, value);
    }
    for (name, value) in session.map("subscription_data[metadata]") {
        payment = payment.subscription_metadata(name, value);
    }
    for (name, value) in session.map("payment_intent_data[metadata]") {
        payment = payment.payment_intent_metadata(name, value);
    }
    if let Some(reference) = session.get("client_reference_id") {
        payment = payment.client_reference_id(reference);
    }
    if let Some(customer) = session.get("customer") {
        payment = payment.customer(customer);
    }
    if let Some(email) = session.get("customer_email") {
        payment = payment.customer_email(email);
    }
    payment
}
