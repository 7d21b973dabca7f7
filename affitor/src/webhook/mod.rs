//! Webhooks of payment providers: a verified one becomes at most one right event.
//!
//! [`Webhook`] holds the secrets and settings of one endpoint. [`Webhook::verify`] checks a request's signature and gives a
//! [`WebhookEvent`]; [`WebhookEvent::tracking`] says what Affitor is to hear of it: one [`Event`](crate::Event), nothing, or a
//! refusal with its reason. Both are pure: no clock, no network.
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
//! In a web app `affitor-axum` and `affitor-actix` (feature `webhooks`) do this with the extractor `PaymentEvent<Stripe>`,
//! and [`Client::track_payment`](https://docs.rs/affitor/latest/affitor/struct.Client.html#method.track_payment) reports what is
//! found.
//!
//! # What counts
//!
//! | provider | sale | its transaction id | refund | customer |
//! |---|---|---|---|---|
//! | [`Stripe`] | a Checkout session once it is paid; renewals from `invoice.paid` | payment intent; invoice for subscriptions | `charge.refunded`; a lost dispute | `metadata.affitor_customer_key`, else `client_reference_id` |
//! | [`Polar`] | `order.paid` | order | `order.refunded` | `metadata.user_id`, else the customer's `external_id`, else `customer_id` |
//! | [`LemonSqueezy`] | `order_created`; `subscription_payment_success` but for the first | `ls_order_…`, `ls_invoice_…` | `order_refunded`, `subscription_payment_refunded` | `custom_data.user_id`, else `user_email` |
//! | [`Paddle`] | `transaction.completed` | transaction | an approved `refund`, a `chargeback` | `custom_data.user_id` |
//!
//! Each type says more. Amounts are what the customer has paid, tax included, in the currency's smallest unit.
//!
//! # Delivered twice, and in any order
//!
//! Providers deliver again, and late ones overtake early ones. A sale counts once by its transaction id, a full refund once
//! because it leaves nothing to take back. For a *partial* refund the API has no id: a client remembers the last 10,000 that it
//! has reported and reports none of them again, but that memory ends with the process and is not shared between processes. In the documented reading this does no harm, since there a commission that was
//! reduced once stays as it is.

#[cfg(feature = "client")]
mod again;
mod endpoint;
mod error;
mod event;
mod lemon_squeezy;
#[cfg(feature = "client")]
mod outcome;
mod paddle;
mod polar;
mod read;
#[cfg(feature = "client")]
pub(crate) mod recent;
#[cfg(feature = "client")]
mod report;
mod signature;
mod stripe;
#[cfg(feature = "client")]
mod track;
mod tracking;

pub use endpoint::{InvalidSecret, Webhook};
pub use error::VerifyError;
pub use event::WebhookEvent;
pub use lemon_squeezy::LemonSqueezy;
pub use paddle::Paddle;
pub use polar::Polar;
pub use stripe::{InvoicePayment, Stripe, StripeRefunds};
pub use tracking::{Ignored, Refused, Tracking};
#[cfg(feature = "client")]
pub use {
    outcome::{PaymentOutcome, Redeliver},
    track::TrackPayment,
};

/// A payment provider: [`Stripe`], [`Polar`], [`LemonSqueezy`] or [`Paddle`], and no other.
pub trait Provider: sealed::Rules {
    /// Its name, as people write it.
    const NAME: &'static str;
}

mod sealed {
    use std::{
        borrow::Cow,
        time::{Duration, SystemTime},
    };

    use serde_json::Value;

    use super::{Refused, Tracking, VerifyError, WebhookEvent, signature::Signed};

    /// What differs from provider to provider.
    pub trait Rules: Sized + Send + Sync + 'static {
        /// The header without which nothing is signed.
        const SIGNATURE: &'static str;
        /// Whether one of the secrets has signed it.
        fn verify(signed: &Signed<'_>) -> Result<(), VerifyError>;
        /// The headers with which the provider signs a body.
        fn sign(secret: &[u8], id: &str, body: &[u8], seconds: i64) -> Vec<(&'static str, String)>;
        /// The event's id, for logs.
        fn id(json: &Value) -> Option<Cow<'_, str>>;
        /// The name of the event's type.
        fn kind(json: &Value) -> Option<&str>;
        /// When it happened.
        fn occurred_at(json: &Value) -> Option<SystemTime>;
        /// Whether the event says itself that it is a test; most don't.
        fn says_test(_: &Value) -> Result<bool, Refused> {
            Ok(false)
        }
        /// What a refund's sale may be tracked under besides, where the event's first name for it is not known.
        fn other_sale(_: &WebhookEvent<Self>) -> Option<&str> {
            None
        }
        /// The program that a sale's metadata names.
        fn program_id(_: &WebhookEvent<Self>) -> Option<&str> {
            None
        }
        /// Whether the amount of a partial refund is all that was refunded so far.
        const RUNNING_TOTAL: bool = false;
        /// How much of what was paid is tax, in the smallest unit.
        fn tax(json: &Value) -> Option<u64>;
        /// For how long after it happened a refund may be waiting for its sale: one that was delivered first.
        const OVERTAKES: Duration = Duration::from_secs(60 * 60);
        /// What Affitor is to hear of it.
        fn tracking(event: &WebhookEvent<Self>) -> Tracking;
    }
}
