//! [Affitor](https://affitor.com) affiliate tracking for axum: report sign-ups and payments in one line each.
//!
//! ```no_run
//! use affitor_axum::{AffitorClient, AffitorLayer, Client, Lead};
//! use axum::{Json, Router, routing::post};
//!
//! #[derive(serde::Deserialize)]
//! struct SignUp {
//!     email: String,
//! }
//!
//! async fn sign_up(affitor: AffitorClient, Json(form): Json<SignUp>) -> Json<u64> {
//!     let user_id = 7; // create the user
//!     affitor.enqueue(Lead::new(user_id).email(form.email));
//!     Json(user_id)
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let app: Router = Router::new()
//!     .route("/api/signup", post(sign_up))
//!     .layer(AffitorLayer::new(Client::from_env()?));
//! # Ok(()) }
//! ```
//!
//! - [`AffitorLayer`] finds the visitor's click id: in the header `x-affitor-click-id`, in the fields `affitorClickId` and
//!   `affitor_click_id` of a JSON or form body, or in the cookie `affitor_click_id`.
//! - [`AffitorClient`] is the app's client for that visitor. It fills in the click id of events that have none.
//! - [`AffitorClickId`] is the click id alone. A visitor without one is the normal case and never a rejection.
//! - [`AffitorRequestExt`] gives access to both in a middleware.
//! - [`until_shutdown`] ends the app in order: what was enqueued is delivered, or logged with its ids.
//! - `PaymentEvent` (feature `webhooks`) is a verified webhook of Stripe, Polar, Lemon Squeezy or Paddle.
//!
//! This crate re-exports what you need from [`affitor`](https://docs.rs/affitor), and with the feature `webhooks` from `affitor-payments`.
//! Only the outbox and the payment ledger are another crate to add: `affitor-outbox`.
//!
//! # Guides
//!
//! [Your first lead](affitor::guides::first_lead) · [Your first sale](affitor::guides::first_sale) ·
//! [axum](affitor::guides::axum) · [Payments](https://docs.rs/affitor-payments/latest/affitor_payments/guides/payments/) · [In the background](affitor::guides::background) ·
//! [Testing and proving](affitor::guides::testing) · [Troubleshooting](affitor::guides::troubleshooting) ·
//! [all guides](affitor::guides)
//!
//! # The layer
//!
//! The layer never rejects a request, and passes bodies on byte for byte: a handler sees what it would see without the layer.
//! `DefaultBodyLimit` and `Json` work as usual. One thing differs: if a body is inspected, the handler is called when it has
//! arrived, or after 2 seconds ([`Sources::body_timeout`]). Use [`body_when`](AffitorLayer::body_when) to exclude routes whose
//! clients wait for a response before they send the rest of the body.
//!
//! Around a finished `Router` (`AffitorLayer::new(client).layer(router)`, with `tower::Layer`) the layer costs about half of what
//! it costs in `Router::layer`. See [`Sources`] for what is searched.
//!
//! # Compiler errors
//!
//! If a handler does not compile, annotate it with
//! [`#[axum::debug_handler]`](https://docs.rs/axum/latest/axum/attr.debug_handler.html) to see the reason: usually
//! [`AffitorClient`] is placed after an extractor that consumes the body, or the state contains no `Webhook`. More are
//! [explained](affitor::guides::troubleshooting#compiler-messages).
//!
//! # Features
//!
//! | feature | default | enables |
//! |---|---|---|
//! | `rustls`, `ring`, `aws-lc-rs`, `native-tls`, `native-tls-vendored` | | TLS for the client: see [TLS](affitor::guides::tls) |
//! | `webhooks` | | the extractor `PaymentEvent` |
//! | `capture` | | `ClickCaptureLayer`: clicks are reported by the server, without a script |
//! | `carry` | | [`carry`](https://docs.rs/affitor/latest/affitor/carry/): a visitor as a signed text, for magic links and other domains |
//! | `test-util` | | `test_util`: helpers for tests of your own app. Enable it in `[dev-dependencies]` |
//! | `maud`, `askama` | | [`ScriptTag`] as a value of templates |
//! | `metrics` | | counters and gauges through the `metrics` crate |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod body;
mod extract;
mod layer;
#[cfg(feature = "webhooks")]
mod payment;
mod rejection;
mod shutdown;
#[cfg(feature = "test-util")]
pub mod test_util;
mod wrapper;

pub use affitor;
#[cfg(feature = "capture")]
#[doc(no_inline)]
pub use affitor::capture;
#[cfg(feature = "carry")]
#[doc(no_inline)]
pub use affitor::carry;
#[doc(inline)]
pub use affitor::{
    BoundClient, Click, ClickHistory, ClickId, ClickOutcome, Client, ClientBuilder, Currency, EnqueueError, Error,
    Event, EventSink, InvalidEvent, InvalidTransactionIds, Lead, LeadOutcome, LeadsWithoutClick, NotAttributed, Refund,
    RefundOutcome, Sale, SaleOutcome, SaleType, ScriptTag, SubscriptionInterval, TransactionIds, Visitor,
    find::{Source, Sources},
};
#[doc(no_inline)]
pub use affitor::{program, queue, reqwest, stripe};
#[cfg(feature = "webhooks")]
#[doc(no_inline)]
pub use affitor_payments as payments;
pub use affitor_tower;
pub use affitor_tower::AffitorRequestExt;
#[cfg(feature = "capture")]
pub use affitor_tower::ClickCaptureLayer;
pub use body::IntoAxumBody;
pub use extract::{AffitorClickId, AffitorClient};
pub use layer::AffitorLayer;
#[cfg(feature = "webhooks")]
pub use payment::{PaymentEvent, PaymentRejection, Redeliver};
pub use rejection::MissingLayer;
pub use shutdown::{shutdown_signal, until_shutdown};
