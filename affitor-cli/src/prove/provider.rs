//! The payment provider: its payments, and the signatures of its webhooks.

use std::time::SystemTime;

use affitor::Currency;
use affitor_payments::{
    LemonSqueezy, Paddle, Polar, Stripe, Webhook,
    test_util::{TestPayment, TestProvider, TestWebhook},
};

use super::stripe_api::Created;
use crate::{failure::Failure, provider::PaymentProvider};

/// A webhook, not signed yet, because a signature is only valid for some seconds.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) event_type: &'static str,
    pub(super) body: String,
    /// The same event as a program would write it again.
    pub(super) canonical: String,
}

/// Signs the body of the webhook with this id.
pub(super) type Signer = Box<dyn Fn(&str, &str) -> Vec<(&'static str, String)> + Send + Sync>;

/// Who pays, how much, and what the provider knows about it.
#[derive(Clone, Debug)]
pub(super) struct Purchase {
    pub(super) customer_key: String,
    pub(super) amount_cents: u64,
    pub(super) currency: Currency,
    pub(super) is_subscription: bool,
    /// What the app's checkout sent to the stand-in of Stripe's API.
    pub(super) session: Option<Created>,
}

/// A payment at a provider. Each method returns the webhooks about what happens.
pub(super) trait Payment: Send {
    fn paid(&self) -> Vec<Delivery>;
    fn renewed(&mut self) -> Vec<Delivery>;
    /// Refunds a part of the latest payment.
    fn refunded(&mut self, cents: u64) -> Vec<Delivery>;
    fn refunded_in_full(&mut self) -> Vec<Delivery>;
}

impl<P: TestProvider> Payment for TestPayment<P> {
    fn paid(&self) -> Vec<Delivery> {
        deliveries(self.paid())
    }

    fn renewed(&mut self) -> Vec<Delivery> {
        deliveries(self.renewed())
    }

    fn refunded(&mut self, cents: u64) -> Vec<Delivery> {
        deliveries(self.refunded(cents))
    }

    fn refunded_in_full(&mut self) -> Vec<Delivery> {
        deliveries(self.refunded_in_full())
    }
}

fn deliveries<P: TestProvider>(webhooks: Vec<TestWebhook<P>>) -> Vec<Delivery> {
    let delivery = |webhook: TestWebhook<P>| Delivery {
        id: webhook.id().to_owned(),
        event_type: webhook.event_type(),
        body: webhook.body().to_owned(),
        canonical: webhook.canonical(),
    };
    webhooks.into_iter().map(delivery).collect()
}

/// Creates a payment with new ids.
pub(super) fn payment(provider: PaymentProvider, purchase: &Purchase) -> Box<dyn Payment> {
    match provider {
        PaymentProvider::Stripe => Box::new(match &purchase.session {
            Some(session) => of_session(new(purchase), session),
            None => new(purchase).customer_key(&purchase.customer_key),
        }),
        PaymentProvider::Polar => Box::new(new::<Polar>(purchase).customer_key(&purchase.customer_key)),
        PaymentProvider::LemonSqueezy => Box::new(new::<LemonSqueezy>(purchase).customer_key(&purchase.customer_key)),
        PaymentProvider::Paddle => Box::new(new::<Paddle>(purchase).customer_key(&purchase.customer_key)),
    }
}

fn new<P: TestProvider>(purchase: &Purchase) -> TestPayment<P> {
    let create = if purchase.is_subscription { TestPayment::subscription } else { TestPayment::new };
    create(purchase.amount_cents, purchase.currency)
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

/// Returns what signs with a secret.
///
/// # Errors
///
/// Returns a failure if the secret can't be one.
pub(super) fn signer(provider: PaymentProvider, secret: &str) -> Result<Signer, Failure> {
    match provider {
        PaymentProvider::Stripe => signer_of::<Stripe>(secret),
        PaymentProvider::Polar => signer_of::<Polar>(secret),
        PaymentProvider::LemonSqueezy => signer_of::<LemonSqueezy>(secret),
        PaymentProvider::Paddle => signer_of::<Paddle>(secret),
    }
}

fn signer_of<P: TestProvider>(secret: &str) -> Result<Signer, Failure> {
    let webhook = Webhook::<P>::new(secret)
        .map_err(|error| Failure::usage(error.to_string(), "check the variable that `webhook.secret` names"))?;
    Ok(Box::new(move |id, body| webhook.sign(id, body.as_bytes(), SystemTime::now()).into_iter().collect()))
}
