//! Payment webhooks of Stripe, Polar, Lemon Squeezy and Paddle for [Affitor](https://affitor.com): a verified webhook becomes sales
//! and refunds, each once.
//!
//! [`Webhook`] has the secrets and settings of one endpoint. [`Webhook::verify`] checks the signature of a request and returns a
//! [`WebhookEvent`].
//!
//! [`WebhookEvent::track`] reports what has not been reported yet. In a web app, the extractor `PaymentEvent<Stripe>` of `affitor-axum` and
//! `affitor-actix` (feature `webhooks`) verifies the request, and the handler is that one line. With the payment ledger of
//! `affitor-outbox`, the line is `record_payment`.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use affitor::Event;
//! use affitor_payments::{Reading, Stripe, StripeReporter, Webhook};
//!
//! let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App)?;
//! let now = SystemTime::now();
//! let body = br#"{"id":"evt_1","type":"checkout.session.completed","created":1790000000,"livemode":true,
//!     "data":{"object":{"id":"cs_1","mode":"payment","payment_status":"paid","payment_intent":"pi_1","amount_total":4900,
//!     "currency":"usd","metadata":{"affitor_customer_key":"user_7"}}}}"#;
//!
//! let headers = webhook.sign("msg_1", body, now); // what Stripe does; in an app these are the request's headers
//! let event = webhook.verify(|name| headers.get(name).map(|value| value.as_bytes()), body, now)?;
//! let decision = Reading::new(&event).decide_alone(now)?; // what `event.track(&client)` reports if it knows nothing else
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
//!
//! # Features
//!
//! | feature | default | enables |
//! |---|---|---|
//! | `test-util` | | [`test_util`](https://docs.rs/affitor-payments/latest/affitor_payments/test_util/): ready-made webhooks for tests of your own app |
//!
//! # Dependencies
//!
//! `affitor` reports, and needs `reqwest`, `tokio` and `secrecy`. `hmac`, `sha2`, `subtle`, `hex` and `base64` check signatures, `time`
//! reads timestamps, `serde` and `serde_json` read webhooks and store facts.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod endpoint;
mod event;
pub mod guides;
mod invalid;
pub mod ledger;
mod memory;
mod mentioned;
mod notice;
mod provider;
mod reading;
mod receive;
mod secret;
mod stripe_reporter;
#[cfg(feature = "test-util")]
pub mod test_util;
mod track;
mod unix_time;

pub use affitor;

pub use self::{
    endpoint::Webhook,
    event::WebhookEvent,
    invalid::InvalidWebhook,
    provider::{
        Ignored, LemonSqueezy, NoFacts, Paddle, Polar, Provider, Refused, ReportedByApp, Stripe, VerifyError,
        object_facts,
    },
    reading::Reading,
    receive::{WebhookBody, WebhookRejection},
    stripe_reporter::StripeReporter,
    track::{PaymentError, PaymentOutcome, PaymentReport, TrackPayment},
};
