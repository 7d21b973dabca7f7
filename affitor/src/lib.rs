//! Client for [Affitor](https://affitor.com), which pays partners (affiliates) for the customers they bring.
//!
//! A visitor clicks a partner's link (`?aff=…`), signs up (a *lead*), pays (a *sale*), and sometimes gets a *refund*.
//! Your server reports the lead, the sale and the refund. This crate does so with typed events and typed outcomes.
//!
//! ```no_run
//! # async fn run() -> Result<(), affitor::Error> {
//! use affitor::{Client, ClickId, Currency, Lead, Refund, Sale, SaleOutcome};
//!
//! let client = Client::from_env()?; // AFFITOR_API_KEY, AFFITOR_API_URL, AFFITOR_PROGRAM_ID
//!
//! // After a sign-up: your own user id, and the click id from the visitor's browser.
//! let click_id = ClickId::new("cust_42_1714000000000").ok();
//! client.track_lead(Lead::new("user_7").click_id(click_id).email("jo@example.com")).await?;
//!
//! // After a payment: the payment's id is the idempotency key, the amount is in cents.
//! match client.track_sale(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7")).await? {
//!     SaleOutcome::Recorded { commission_id, .. } => println!("commission {commission_id:?}"),
//!     outcome => println!("{outcome}"),
//! }
//!
//! // After a refund: the id of the *sale*.
//! client.track_refund(Refund::full("in_1")).await?;
//! # Ok(()) }
//! ```
//!
//! In a web app the click id comes from the request. `affitor-axum`, `affitor-actix` and `affitor-tower` find it and
//! give your handler a [`BoundClient`] that fills it in. To support another framework, build on [`adapter`].
//!
//! # Guides
//!
//! [Your first lead](guides::first_lead) · [Your first sale](guides::first_sale) · [Choosing ids](guides::ids) ·
//! [Outcomes and errors](guides::outcomes) · [In the background](guides::background) · [Payments](https://docs.rs/affitor-payments/latest/affitor_payments/guides/payments/) ·
//! [Testing and proving](guides::testing) · [Troubleshooting](guides::troubleshooting) · [Going live](guides::going_live) ·
//! [all guides](guides)
//!
//! # In the background
//!
//! [`Client::enqueue`] returns at once and returns no error. The client's [`queue`] delivers the events from memory, in order and with
//! retries, until the [shutdown](Client::shutdown). The crate `affitor-outbox` delivers them from your own database.
//!
//! # Payments
//!
//! The crate [`affitor-payments`](https://docs.rs/affitor-payments) reads payment webhooks of Stripe, Polar, Lemon Squeezy and Paddle, and
//! reports each payment once.
//!
//! # Features
//!
//! | feature | default | enables |
//! |---|---|---|
//! | `rustls` | | TLS by rustls, with the cryptography that the app has: see [TLS](guides::tls) |
//! | `ring`, `aws-lc-rs` | | the same, and the cryptography |
//! | `native-tls`, `native-tls-vendored` | | TLS by the operating system, or by OpenSSL, as in reqwest |
//! | `capture` | | [`capture`](https://docs.rs/affitor/latest/affitor/capture/): clicks are reported by the server, without a script |
//! | `carry` | | [`carry`](https://docs.rs/affitor/latest/affitor/carry/): a visitor as a signed text, for magic links and other domains |
//! | `test-util` | | [`test_util`](https://docs.rs/affitor/latest/affitor/test_util/): helpers for tests of your own app. Enable it in `[dev-dependencies]` |
//! | `maud`, `askama` | | [`ScriptTag`] as a value of templates |
//! | `metrics` | | counters and gauges through the `metrics` crate: `affitor_calls_total`, `affitor_queue_*` |
//!
//! # Dependencies
//!
//! `affitor-core` finds click ids. `serde` and `serde_json` write events, `reqwest` and `bytes` send them, `tokio` has time limits and
//! tasks that outlive a handler. `secrecy` holds the API key, `rustls` and
//! `rustls-platform-verifier` encrypt, if a feature asks for them, `httpdate` reads `Retry-After`, `fastrand` has jitter, `tracing` has spans.
//! `capture` adds `cookie` (which needs `time`), `getrandom`, and the parsers of `affitor-core`. `carry` adds `hmac`, `sha2` and `base64`.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod adapter;
#[cfg(feature = "capture")]
pub mod capture;
#[cfg(feature = "carry")]
pub mod carry;
mod client;
mod currency;
pub mod delivery;
mod error;
mod event;
pub mod guides;
mod key;
mod metrics;
mod open_enum;
pub mod program;
pub mod queue;
mod script_tag;
mod settings;
mod sink;
pub mod stripe;
#[cfg(feature = "test-util")]
pub mod test_util;
mod transaction_ids;
mod wire;

#[doc(hidden)]
pub use affitor_core::debug_as_sentence;
#[doc(inline)]
pub use affitor_core::{ClickHistory, ClickId, InvalidClickId, Visitor, find};
#[doc(no_inline)]
pub use reqwest;

#[doc(no_inline)]
pub use self::program::{ProgramStatus, Readiness, TestChain};
pub use self::{
    client::{BoundClient, Client, ClientBuilder},
    currency::{Currency, InvalidCurrency},
    error::Error,
    event::{
        Click, ClickOutcome, Event, InvalidEvent, Lead, LeadOutcome, NotAttributed, Refund, RefundOutcome, Sale,
        SaleOutcome, SaleType, SubscriptionInterval,
    },
    script_tag::ScriptTag,
    settings::LeadsWithoutClick,
    sink::{EnqueueError, EventSink},
    transaction_ids::{InvalidTransactionIds, TransactionIds},
};
