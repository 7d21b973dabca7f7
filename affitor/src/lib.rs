//! Client for [Affitor](https://affitor.com), which pays partners (affiliates) for the customers they bring.
//!
//! A visitor clicks a partner's link (`?aff=…`), signs up (a *lead*), pays (a *sale*), and perhaps gets a *refund*.
//! A server reports lead, sale and refund; this crate does that with typed events in and typed outcomes out.
//!
//! ```no_run
//! # #[cfg(feature = "client")]
//! # async fn run() -> Result<(), affitor::Error> {
//! use affitor::{Client, ClickId, Currency, Lead, Refund, Sale, SaleOutcome};
//!
//! let client = Client::from_env()?; // AFFITOR_API_KEY, AFFITOR_API_URL, AFFITOR_PROGRAM_ID
//!
//! // After a sign-up: who signed up, and the click id that the visitor's browser carries.
//! let click_id = ClickId::new("cust_42_1714000000000").ok();
//! client.track_lead(Lead::new("user_7").click_id(click_id).email("jo@example.com")).await?;
//!
//! // After a payment: the payment's id is the idempotency key, the amount is in cents.
//! match client.track_sale(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7")).await? {
//!     SaleOutcome::Recorded { commission_id, .. } => println!("commission {commission_id:?}"),
//!     SaleOutcome::AlreadyRecorded { .. } => println!("counted before: fine"),
//!     other => println!("{other:?}"),
//! }
//!
//! // After a refund: the *sale's* id.
//! let _ = client.track_refund(Refund::full("in_1")).await?;
//! # Ok(()) }
//! ```
//!
//! In a web app the click id comes from the request. `affitor-axum`, `affitor-actix` and `affitor-tower` find it and
//! hand over a [`BoundClient`] that fills it in; they stand on the pure functions in [`find`].
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `client` | yes | [`Client`], [`BoundClient`], [`Error`] and what they answer; without it there are events, [`stripe`] and [`find`], and neither reqwest nor tokio |
//! | `rustls` | yes | TLS by rustls with aws-lc, as reqwest's `rustls` |
//! | `webhooks` | | [`webhook`](https://docs.rs/affitor/latest/affitor/webhook/): webhooks of Stripe, Polar, Lemon Squeezy and Paddle |
//! | `metrics` | | counters and gauges of calls and of the queue, through the `metrics` crate: `affitor_calls_total`, `affitor_queue_*` |
//! | `queue` | | [`queue`](https://docs.rs/affitor/latest/affitor/queue/): delivery in the background, from memory |
//! | `rustls-no-provider`, `native-tls`, `native-tls-vendored` | | reqwest's features of the same names |
//!
//! # Dependencies
//!
//! `bytes`, `memchr`, `form_urlencoded`, `percent-encoding` and `serde_json` find click ids; `serde` reads and writes
//! events. With `client`: `reqwest` (HTTP), `tokio` (time limits, and a task that outlives the handler), `secrecy` (the
//! API key), `httpdate` (`Retry-After` as a date), `fastrand` (jitter), `tracing` (spans).
//! With `webhooks`: `hmac`, `sha2`, `subtle`, `hex` and `standardwebhooks` (signatures), `secrecy` (their secrets), `time`
//! (times as the providers write them).

#![cfg_attr(docsrs, feature(doc_cfg))]
// Texts speak of the client where it is left out as well.
#![cfg_attr(not(feature = "client"), allow(rustdoc::broken_intra_doc_links))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod click_id;
mod currency;
mod event;
pub mod find;
mod open_enum;
mod redact;
pub mod stripe;
mod visitor;
#[cfg(feature = "webhooks")]
pub mod webhook;

pub use click_id::{ClickId, InvalidClickId};
pub use currency::{Currency, InvalidCurrency};
pub use event::{Attributable, Click, Event, InvalidEvent, Lead, Refund, Sale, SaleType, SubscriptionInterval};
pub use visitor::Visitor;

#[cfg(feature = "client")]
mod answer;
#[cfg(feature = "client")]
mod api_key;
#[cfg(feature = "client")]
mod attribution;
#[cfg(feature = "client")]
mod bound;
#[cfg(feature = "client")]
mod builder;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod deliver;
#[cfg(feature = "client")]
mod delivered;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod measure;
#[cfg(feature = "client")]
mod outcome;
#[cfg(feature = "client")]
pub mod program;
#[cfg(feature = "queue")]
pub mod queue;
#[cfg(feature = "client")]
mod retry;
#[cfg(feature = "client")]
mod transport;

#[cfg(feature = "client")]
#[doc(no_inline)]
pub use reqwest;
#[cfg(feature = "client")]
pub use {
    attribution::Attribution,
    bound::BoundClient,
    builder::ClientBuilder,
    client::Client,
    deliver::{Deliver, NotQueued},
    delivered::{Delivered, Undelivered},
    error::Error,
    outcome::{ClickOutcome, LeadOutcome, NotAttributed, RefundOutcome, SaleOutcome},
    program::{ProgramStatus, Readiness, TestChain},
};
