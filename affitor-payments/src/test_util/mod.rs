//! Ready-made webhooks of each payment provider, for tests of your own webhook handler.
//!
//! A [`TestPayment`] is a payment that never happened. It makes the webhooks that the provider would send about it: the same objects
//! and fields, amounts and ids that fit together, signed with your app's own secret.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use affitor::{Currency, Event};
//! use affitor_payments::{Paddle, Reading, Webhook, test_util::TestPayment};
//!
//! let webhook = Webhook::<Paddle>::new("pdl_ntfset_0123456789")?; // the one in your app
//! let now = SystemTime::now();
//!
//! let payment = TestPayment::<Paddle>::new(4_900, Currency::EUR).customer_key("user_7");
//! let mut sales = Vec::new();
//! for delivery in payment.paid() {
//!     let signed = delivery.sign(&webhook, now); // send `signed.body` with `signed.headers` to your handler
//!     let event = webhook.verify(|name| signed.header(name), signed.body.as_bytes(), now)?;
//!     sales.extend(Reading::new(&event).decide_alone(now)?.events);
//! }
//! let [Event::Sale(sale)] = &sales[..] else { panic!("{sales:?}") };
//! assert_eq!(sale.transaction_id, payment.ids().transaction_id);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is made
//!
//! | provider | paid | renewed | refunded |
//! |---|---|---|---|
//! | Stripe (API 2025-03-31 and later) | `charge.succeeded`, `payment_intent.succeeded`, `checkout.session.completed`; of a subscription also `customer.subscription.created`, `invoice.paid`, `invoice.payment_succeeded`, `invoice_payment.paid` | the same without the session | `refund.created`, `charge.refunded` |
//! | Polar | `order.created`, `order.paid`, `order.updated` | the same | `refund.created`, `order.refunded` |
//! | Lemon Squeezy | `order_created`; of a subscription also `subscription_created`, `subscription_payment_success` | `subscription_payment_success` | `order_refunded` or `subscription_payment_refunded`; of a subscription's first payment both |
//! | Paddle | `transaction.paid`, `transaction.completed` | the same | `adjustment.created` (pending), `adjustment.updated` (approved) |
//!
//! Providers send more than that, such as Stripe's `invoice.finalized`. Nothing in it changes what is reported to Affitor.

mod details;
mod lemon_squeezy;
mod paddle;
mod polar;
mod script;
mod stripe;
mod template;
mod webhook;

use std::fmt;

use self::{
    details::Details, lemon_squeezy::LemonSqueezyScript, paddle::PaddleScript, polar::PolarScript, script::Script,
    stripe::StripeScript,
};
pub use self::{
    details::PaymentIds,
    webhook::{SignedWebhook, TestWebhook},
};
use affitor::Currency;
use affitor_core::redact::Redacted;

use crate::provider::{LemonSqueezy, Paddle, Polar, Provider, Stripe};

/// A provider whose webhooks can be made: every [`Provider`].
pub trait TestProvider: Provider {
    /// The webhooks of this provider.
    #[doc(hidden)]
    type Script: Script;
}

impl TestProvider for Stripe {
    type Script = StripeScript;
}

impl TestProvider for Polar {
    type Script = PolarScript;
}

impl TestProvider for LemonSqueezy {
    type Script = LemonSqueezyScript;
}

impl TestProvider for Paddle {
    type Script = PaddleScript;
}

/// A payment whose webhooks a test delivers. Each value has ids of its own, which stay the same.
///
/// Each method returns all webhooks of a step, in the usual order. Deliver them twice, or in another order: what is reported to
/// Affitor must stay the same.
///
/// ```
/// use affitor::Currency;
/// use affitor_payments::{Stripe, test_util::TestPayment};
///
/// let mut payment = TestPayment::<Stripe>::subscription(4_900, Currency::USD).customer_key("user_7");
/// let first = payment.paid();
/// let renewal = payment.renewed();
/// let refund = payment.refunded(1_500); // of the renewal
///
/// let types: Vec<&str> = refund.iter().map(|webhook| webhook.event_type()).collect();
/// assert_eq!(types, ["refund.created", "charge.refunded"]);
/// # assert_eq!(first.len(), 7);
/// # assert_eq!(renewal.len(), 5);
/// ```
#[derive(Clone)]
pub struct TestPayment<P: TestProvider> {
    details: Details,
    script: P::Script,
}

impl<P: TestProvider> TestPayment<P> {
    /// Creates a one-off payment. The amount is in the currency's smallest unit, and includes no tax.
    pub fn new(amount_cents: u64, currency: Currency) -> Self {
        Self { details: Details::new(amount_cents, currency, false), script: P::Script::default() }
    }

    /// Creates a subscription with its first payment. The amount of each payment is in the currency's smallest unit.
    pub fn subscription(amount_cents: u64, currency: Currency) -> Self {
        Self { details: Details::new(amount_cents, currency, true), script: P::Script::default() }
    }

    /// Sets the customer key: your own user id. It is put where this crate expects it: Stripe's metadata of the session and the
    /// subscription, Polar's metadata of the checkout, the custom data of Lemon Squeezy and Paddle. Default: none.
    #[must_use]
    pub fn customer_key(mut self, key: impl fmt::Display) -> Self {
        self.details.customer_key = Some(key.to_string());
        self
    }

    /// Sets the visitor's click id, which is put next to the customer key. Default: none.
    #[must_use]
    pub fn click_id(mut self, id: impl fmt::Display) -> Self {
        self.details.click_id = Some(id.to_string());
        self
    }

    /// Sets the provider's id of the product. It is put where this crate expects it: Stripe's lines of an invoice and metadata of a
    /// one-off payment, Polar's order, Lemon Squeezy's order (a number there; invoices of renewals name no product), Paddle's items.
    /// Default: unique, but 5 at Lemon Squeezy, and none of a one-off payment at Stripe.
    #[must_use]
    pub fn product_id(mut self, id: impl fmt::Display) -> Self {
        self.details.product_id = Some(id.to_string());
        self
    }

    /// Sets the e-mail address that the customer gave to the provider. Default: an address at `example.com` that no other payment
    /// has. Paddle's webhooks contain none.
    #[must_use]
    pub fn customer_email(mut self, address: impl fmt::Display) -> Self {
        self.details.email = address.to_string();
        self
    }

    /// Sets what was taken off the list price, of the first payment and of each renewal, in the currency's smallest unit. The customer
    /// pays the amount that this payment was created with, so the list price, which some fields contain, is higher. Default: 0.
    #[must_use]
    pub fn discount(mut self, cents: u64) -> Self {
        self.details.discount_cents = cents;
        self
    }

    /// Returns the ids of the latest payment: of the first one, or of the latest renewal.
    pub fn ids(&self) -> PaymentIds {
        self.script.ids(&self.details)
    }

    /// Returns all webhooks of the first payment. A second call returns the same ones, as a provider that delivers them once more.
    pub fn paid(&self) -> Vec<TestWebhook<P>> {
        webhooks(self.script.paid(&self.details.first()))
    }

    /// Renews the subscription, and returns all webhooks of the renewal.
    ///
    /// # Panics
    ///
    /// Panics if this is a one-off payment.
    #[must_use = "the webhooks are not delivered until the test does"]
    #[track_caller]
    pub fn renewed(&mut self) -> Vec<TestWebhook<P>> {
        assert!(self.details.is_subscription, "a one-off payment is never renewed: use `TestPayment::subscription`");
        self.details.renew();
        webhooks(self.script.paid(&self.details))
    }

    /// Refunds a part of the latest payment, in the currency's smallest unit, and returns all webhooks of this refund.
    ///
    /// # Panics
    ///
    /// Panics if the amount is 0, or more than what is left of the payment.
    #[must_use = "the webhooks are not delivered until the test does"]
    #[track_caller]
    pub fn refunded(&mut self, cents: u64) -> Vec<TestWebhook<P>> {
        let left = self.details.left();
        assert!((1..=left).contains(&cents), "a refund of {cents} is not possible: {left} of the payment is left");
        self.details.refunds.push(cents);
        webhooks(self.script.refunded(&self.details, cents))
    }

    /// Refunds the rest of the latest payment, and returns all webhooks of this refund.
    ///
    /// # Panics
    ///
    /// Panics if nothing of the payment is left.
    #[must_use = "the webhooks are not delivered until the test does"]
    #[track_caller]
    pub fn refunded_in_full(&mut self) -> Vec<TestWebhook<P>> {
        self.refunded(self.details.left())
    }
}

fn webhooks<P: TestProvider>(rendered: Vec<script::Rendered>) -> Vec<TestWebhook<P>> {
    rendered.into_iter().map(TestWebhook::new).collect()
}

impl<P: TestProvider> fmt::Debug for TestPayment<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestPayment")
            .field("provider", &P::NAME)
            .field("amount_cents", &self.details.amount_cents)
            .field("currency", &self.details.currency)
            .field("customer_key", &self.details.customer_key.as_deref().map(Redacted))
            .field("ids", &self.ids())
            .finish_non_exhaustive()
    }
}
