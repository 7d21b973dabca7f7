//! Client for [Affitor](https://affitor.com), which pays partners (affiliates) for the customers they bring.
//!
//! A visitor clicks a partner's link (`?aff=…`), signs up (a *lead*), pays (a *sale*), and sometimes gets a *refund*.
//! Your server reports the lead, the sale and the refund. This crate does so with typed events and typed outcomes.
//!
//! ```no_run
//! # #[cfg(feature = "client")]
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
//! [Outcomes and errors](guides::outcomes) · [In the background](guides::background) · [Payments](guides::payments) ·
//! [Testing and proving](guides::testing) · [Troubleshooting](guides::troubleshooting) · [Going live](guides::going_live) ·
//! [all guides](guides)
//!
//! # In the background
//!
//! [`Client::enqueue`] returns at once and returns no error. With the feature `queue`, a
//! [`Queue`](https://docs.rs/affitor/latest/affitor/queue/struct.Queue.html) delivers the events from memory, in order and
//! with retries. The crate `affitor-outbox` delivers them from your own database.
//!
//! # Features
//!
//! | feature | default | enables |
//! |---|---|---|
//! | `client` | yes | [`Client`], [`BoundClient`], [`Error`] and everything that makes calls. Without it: events, outcomes, [`stripe`], [`find`] and [`adapter`], and neither reqwest nor tokio |
//! | `rustls` | yes | TLS by rustls with aws-lc, as in reqwest's `rustls` |
//! | `webhooks` | | [`webhook`](https://docs.rs/affitor/latest/affitor/webhook/): payment webhooks of Stripe, Polar, Lemon Squeezy and Paddle |
//! | `queue` | | [`queue`](https://docs.rs/affitor/latest/affitor/queue/): background delivery from memory |
//! | `capture` | | [`capture`](https://docs.rs/affitor/latest/affitor/capture/): clicks are reported by the server, without a script |
//! | `carry` | | [`carry`](https://docs.rs/affitor/latest/affitor/carry/): a visitor as a signed text, for magic links and other domains |
//! | `test-util` | | [`test_util`](https://docs.rs/affitor/latest/affitor/test_util/): helpers for tests of your own app. Enable it in `[dev-dependencies]` |
//! | `maud`, `askama` | | [`ScriptTag`] as a value of templates |
//! | `metrics` | | counters and gauges through the `metrics` crate: `affitor_calls_total`, `affitor_queue_*` |
//! | `rustls-no-provider`, `native-tls`, `native-tls-vendored` | | the reqwest features of the same names |
//!
//! # Dependencies
//!
//! `bytes`, `memchr`, `form_urlencoded`, `percent-encoding` and `serde_json` find click ids; `serde` reads and writes
//! events. `client` adds `reqwest` (HTTP), `tokio` (time limits, and a task that outlives the handler), `secrecy` (the API
//! key), `httpdate` (`Retry-After` as a date), `fastrand` (jitter) and `tracing` (spans). `webhooks` adds `hmac`, `sha2`,
//! `subtle`, `hex` and `standardwebhooks` (signatures), `secrecy` (webhook secrets) and `time` (timestamps). `capture` adds `cookie` (which
//! needs `time`) and `getrandom`. `carry` adds `hmac`, `sha2`,
//! `base64` and `secrecy`.

#![cfg_attr(docsrs, feature(doc_cfg))]
// The documentation links to the client even where it is not compiled.
#![cfg_attr(not(feature = "client"), allow(rustdoc::broken_intra_doc_links))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod adapter;
#[cfg(feature = "capture")]
pub mod capture;
#[cfg(feature = "carry")]
pub mod carry;
mod click_history;
mod click_id;
mod currency;
mod event;
pub mod find;
pub mod guides;
#[cfg(feature = "webhooks")]
pub mod ledger;
mod open_enum;
mod redact;
mod script_tag;
#[cfg(any(feature = "carry", feature = "webhooks"))]
mod secret_text;
pub mod stripe;
#[cfg(feature = "test-util")]
pub mod test_util;
mod visitor;

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod delivery;
#[cfg(feature = "webhooks")]
pub mod webhook;
#[cfg(feature = "client")]
mod wire;

pub use click_history::ClickHistory;
pub use click_id::{ClickId, InvalidClickId};
pub use currency::{Currency, InvalidCurrency};
pub use event::{
    Attributable, Click, ClickOutcome, Event, EventIds, EventOutcome, InvalidEvent, Lead, LeadOutcome, NotAttributed,
    Refund, RefundOutcome, RetryClass, Sale, SaleOutcome, SaleType, SubscriptionInterval, WaitsFor,
};
pub use script_tag::ScriptTag;
pub use visitor::Visitor;

#[cfg(feature = "client")]
#[doc(no_inline)]
pub use reqwest;
#[cfg(feature = "client")]
pub use {
    client::{
        BoundClient, Client, ClientBuilder, Error,
        program::{self, ProgramStatus, Readiness, TestChain},
    },
    delivery::*,
};
