//! Webhooks of payment providers: a verified webhook becomes sales and refunds, each once.
//!
//! [`Webhook`] has the secrets and settings of one endpoint. [`Webhook::verify`] checks the signature of a request and returns a
//! [`WebhookEvent`].
//!
//! [`Client::track_payment`](https://docs.rs/affitor/latest/affitor/struct.Client.html#method.track_payment) reports what is missing
//! about it. In a web app, the extractor `PaymentEvent<Stripe>` of `affitor-axum` and `affitor-actix` (feature `webhooks`) verifies
//! the request, and the handler is that one line. With the payment ledger of `affitor-outbox`, the line is `record_payment`.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use affitor::{
//!     Event,
//!     webhook::{Stripe, Webhook},
//! };
//!
//! let webhook = Webhook::<Stripe>::new("whsec_0123456789")?;
//! let now = SystemTime::now();
//! let body = br#"{"id":"evt_1","type":"checkout.session.completed","created":1790000000,"livemode":true,
//!     "data":{"object":{"id":"cs_1","mode":"payment","payment_status":"paid","payment_intent":"pi_1","amount_total":4900,
//!     "currency":"usd","metadata":{"affitor_customer_key":"user_7"}}}}"#;
//!
//! let headers = webhook.sign("msg_1", body, now); // what Stripe does; in an app these are the request's headers
//! let event = webhook.verify(|name| headers.get(name).map(|value| value.as_bytes()), body, now)?;
//! let decision = event.decide_alone(now)?; // what `track_payment` reports if it knows nothing else
//! let [Event::Sale(sale)] = &decision.events[..] else { panic!() };
//! assert_eq!((sale.transaction_id.as_str(), sale.amount_cents), ("pi_1", 4_900));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What counts
//!
//! | provider | sale | its transaction id | refund | customer |
//! |---|---|---|---|---|
//! | [`Stripe`] | a paid invoice; a one-time Checkout payment; another payment intent | invoice; payment intent | `charge.refunded`; a lost dispute | `metadata.affitor_customer_key`, else `client_reference_id` |
//! | [`Polar`] | `order.paid` | order | `order.refunded` | `metadata.user_id`, else the customer's `external_id`, else `customer_id` |
//! | [`LemonSqueezy`] | `order_created`; `subscription_payment_success` except the first | `ls_order_…`, `ls_invoice_…` | `order_refunded`, `subscription_payment_refunded` | `custom_data.user_id`, else `user_email` |
//! | [`Paddle`] | `transaction.completed` | transaction | an approved `refund`, a `chargeback` | `custom_data.user_id` |
//!
//! The documentation of each type has the details. Amounts are what the customer paid, including tax, in the currency's
//! smallest unit; see [`Webhook::commission_on`].
//!
//! # Duplicates and order
//!
//! Providers deliver webhooks more than once and out of order, and report one payment in several webhooks. Both the
//! [memory](Webhook#memory) of a `Webhook` and a [ledger] make each payment one sale, and each refund count once. They
//! differ in what survives: the memory ends with the process, and belongs to one process. After a restart, a sale still counts once
//! because of its transaction id, and so does a full refund, since nothing is left to reverse. The API has no id for a *partial*
//! refund: one that is redelivered after a restart may be reported twice. The service is documented to keep a commission that
//! was already reduced as it is.

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
    let fields = read::Fields(object);
    // The same object says the same at any time.
    let changed_at = ["modified_at", "updated_at", "attributes.updated_at"].iter().find_map(|field| fields.time(field));
    let said_at = changed_at.or_else(|| fields.unix_time("created")).map_or(0, unix_seconds);
    Ok(P::object_facts(object, unix_seconds(now))?.said_at(said_at))
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
        /// The webhooks that tests deliver.
        #[cfg(feature = "test-util")]
        type Script: crate::test_util::payment::Script;
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
