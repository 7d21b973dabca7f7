//! Webhooks of payment providers: a verified webhook becomes at most one event.
//!
//! [`Webhook`] has the secrets and settings of one endpoint. [`Webhook::verify`] checks the signature of a request and returns a
//! [`WebhookEvent`]. [`WebhookEvent::tracking`] returns what to report to Affitor: one [`Event`](crate::Event), nothing, or
//! a refusal with its reason. Both are pure: no clock, no network.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use affitor::{
//!     Event,
//!     webhook::{Stripe, Tracking, Webhook},
//! };
//!
//! let webhook = Webhook::<Stripe>::new("whsec_0123456789")?;
//! let now = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
//! let body = br#"{"id":"evt_1","type":"checkout.session.completed","created":1790000000,"livemode":true,
//!     "data":{"object":{"mode":"payment","payment_status":"paid","payment_intent":"pi_1","amount_total":4900,
//!     "currency":"usd","metadata":{"affitor_customer_key":"user_7"}}}}"#;
//!
//! let headers = webhook.sign("msg_1", body, now); // what Stripe does; in an app these are the request's headers
//! let event = webhook.verify(|name| headers.get(name).map(|value| value.as_bytes()), body, now)?;
//! let Tracking::Event(Event::Sale(sale)) = event.tracking() else { panic!() };
//! assert_eq!((sale.transaction_id.as_str(), sale.amount_cents), ("pi_1", 4_900));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In a web app, the extractor `PaymentEvent<Stripe>` of `affitor-axum` and `affitor-actix` (feature `webhooks`) does this, and
//! [`Client::track_payment`](https://docs.rs/affitor/latest/affitor/struct.Client.html#method.track_payment) reports the event.
//!
//! # What counts
//!
//! | provider | sale | its transaction id | refund | customer |
//! |---|---|---|---|---|
//! | [`Stripe`] | a Checkout session once it is paid; renewals from `invoice.paid` | payment intent; invoice for subscriptions | `charge.refunded`; a lost dispute | `metadata.affitor_customer_key`, else `client_reference_id` |
//! | [`Polar`] | `order.paid` | order | `order.refunded` | `metadata.user_id`, else the customer's `external_id`, else `customer_id` |
//! | [`LemonSqueezy`] | `order_created`; `subscription_payment_success` except the first | `ls_order_…`, `ls_invoice_…` | `order_refunded`, `subscription_payment_refunded` | `custom_data.user_id`, else `user_email` |
//! | [`Paddle`] | `transaction.completed` | transaction | an approved `refund`, a `chargeback` | `custom_data.user_id` |
//!
//! The documentation of each type has the details. Amounts are what the customer paid, including tax, in the currency's
//! smallest unit.
//!
//! # Duplicates and order
//!
//! Providers deliver webhooks more than once and out of order. A sale counts once because of its transaction id, and a full
//! refund counts once because nothing is left to reverse. The API has no id for a *partial* refund, so a [`Webhook`] remembers
//! the last 10,000 that were reported, and reports none of them again.
//!
//! That memory belongs to the [`Webhook`]: its clones share it, and [`Webhook::share_memory`] lets a second endpoint of the same
//! provider share it. It is not persisted and not shared between processes. If a duplicate gets through, the service is
//! documented to keep a commission that was already reduced as it is.

use crate::ledger;

mod announced;
mod endpoint;
mod error;
mod event;
mod ignored;
mod lemon_squeezy;
#[cfg(feature = "client")]
mod memory;
#[cfg(feature = "client")]
mod notice;
#[cfg(feature = "client")]
mod outcome;
mod paddle;
mod polar;
mod read;
#[cfg(feature = "client")]
mod redelivery;
#[cfg(feature = "client")]
mod report;
mod signature;
mod stripe;
#[cfg(feature = "client")]
mod track;

pub use endpoint::{InvalidSecret, Webhook};
pub use error::VerifyError;
pub use event::WebhookEvent;
use event::unix_seconds;
pub use lemon_squeezy::LemonSqueezy;
pub use paddle::Paddle;
pub use polar::Polar;
pub use stripe::Stripe;
pub use {
    ignored::{Ignored, Refused},
    read::NoFacts,
};
#[cfg(feature = "client")]
pub use {
    outcome::{PaymentError, PaymentOutcome, PaymentReport},
    track::TrackPayment,
};

/// A payment provider: [`Stripe`], [`Polar`], [`LemonSqueezy`] or [`Paddle`], and no other.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a payment provider that Affitor supports",
    label = "expected `Stripe`, `Polar`, `LemonSqueezy` or `Paddle`",
    note = "for another provider, verify the webhook yourself and report a `Sale` or a `Refund`"
)]
pub trait Provider: sealed::Rules {
    /// Provider name.
    const NAME: &'static str;
}

/// Returns what an object in a response of the provider's API says about payments: for reconciliation with a
/// [ledger]. Pure.
///
/// Accepted are Stripe's Checkout sessions, invoices, invoice payments, payment intents, charges, refunds, disputes and
/// subscriptions; Polar's orders; Lemon Squeezy's orders and subscription invoices; Paddle's transactions and adjustments.
///
/// ```
/// use std::time::SystemTime;
///
/// use affitor::webhook::{Stripe, object_facts};
///
/// let charge = serde_json::json!({ "object": "charge", "id": "ch_1", "payment_intent": "pi_1", "amount": 4900,
///     "amount_captured": 4900, "amount_refunded": 1500, "captured": true, "currency": "usd", "created": 1_790_000_000 });
/// let facts = object_facts::<Stripe>(&charge, SystemTime::now())?;
/// assert!(facts.ids().contains("pi_1"));
/// # Ok::<(), affitor::webhook::NoFacts>(())
/// ```
///
/// # Errors
///
/// Returns an error if the object says nothing about payments, or can't be read with certainty.
pub fn object_facts<P: Provider>(
    object: &serde_json::Value,
    now: std::time::SystemTime,
) -> Result<ledger::Facts, NoFacts> {
    // The state of the object at this time.
    let now = unix_seconds(now);
    Ok(P::object_facts(object, now)?.said_at(now))
}

mod sealed {
    use std::{
        borrow::Cow,
        time::{Duration, SystemTime},
    };

    use serde_json::Value;

    use super::{
        Refused, VerifyError,
        announced::Announced,
        event::Account,
        read::{Found, Moment},
        signature::Signed,
    };
    use crate::ledger::Facts;

    /// What differs between providers.
    pub trait Rules: Sized + Send + Sync + 'static {
        /// Name of the signature header.
        const SIGNATURE: &'static str;
        /// Returns why a text can't be a webhook secret of this provider.
        fn reject_secret(_: &str) -> Option<&'static str> {
            None
        }
        /// Checks that one of the secrets signed the request.
        fn verify(signed: &Signed<'_>) -> Result<(), VerifyError>;
        /// Returns the headers with which the provider signs a body.
        fn sign(secret: &[u8], id: &str, body: &[u8], seconds: i64) -> Vec<(&'static str, String)>;
        /// Id of the event, for logs.
        fn id(json: &Value) -> Option<Cow<'_, str>>;
        /// Type of the event.
        fn kind(json: &Value) -> Option<&str>;
        /// Time of the event.
        fn occurred_at(json: &Value) -> Option<SystemTime>;
        /// Whether the event is marked as a test. Most providers have no such mark.
        fn says_test(_: &Value) -> Result<bool, Refused> {
            Ok(false)
        }
        /// Tax included in the amount, in the currency's smallest unit.
        fn tax(json: &Value) -> Option<u64>;
        /// How long after a refund its sale may still arrive.
        #[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only reporting uses it"))]
        const OVERTAKES: Duration = Duration::from_secs(60 * 60);
        /// How an app names the customer of a payment.
        #[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only the log uses it"))]
        const METADATA_HELP: &'static str;
        /// Whether each event has an id of its own.
        const UNIQUE_ID: bool = true;
        /// The account at the provider that the event is about, if it is not the app's own.
        fn account(_: &Value) -> Option<Account<'_>> {
            None
        }
        /// What the event says about payments.
        fn facts(json: &Value, moment: Moment) -> Found<Facts>;
        /// What an object of the provider's API says about payments.
        fn object_facts(object: &Value, now: u64) -> Found<Facts>;
        /// What the event announces to an app without a ledger.
        fn announced(json: &Value) -> Found<Announced>;
    }
}
