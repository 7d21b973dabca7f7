//! [Affitor](https://affitor.com) affiliate tracking for actix-web: report sign-ups and payments in one line each.
//!
//! ```no_run
//! use actix_web::{App, HttpServer, Responder, post, web};
//! use affitor_actix::{AffitorClient, AffitorLayer, Client, Lead};
//!
//! #[derive(serde::Deserialize)]
//! struct SignUp {
//!     email: String,
//! }
//!
//! #[post("/api/signup")]
//! async fn sign_up(affitor: AffitorClient, form: web::Json<SignUp>) -> impl Responder {
//!     let user_id = 7; // create the user
//!     affitor.enqueue(Lead::new(user_id).email(&form.email));
//!     web::Json(user_id)
//! }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::from_env()?; // once, outside the factory
//!     HttpServer::new(move || App::new().wrap(AffitorLayer::new(client.clone())).service(sign_up))
//!         .bind(("127.0.0.1", 3001))?
//!         .run()
//!         .await?;
//!     Ok(())
//! }
//! ```
//!
//! - [`AffitorLayer`] is the middleware. It finds the visitor's click id: in the header `x-affitor-click-id`, in the fields
//!   `affitorClickId` and `affitor_click_id` of a JSON or form body, or in the cookie `affitor_click_id`.
//! - [`AffitorClient`] is the app's client for that visitor. It fills in the click id of events that have none.
//! - [`AffitorClickId`] is the click id alone. A visitor without one is the normal case and never an error.
//! - [`AffitorRequestExt`] gives access to both in a middleware.
//! - `PaymentEvent` (feature `webhooks`) is a verified webhook of Stripe, Polar, Lemon Squeezy or Paddle.
//!
//! This crate re-exports what you need from [`affitor`](https://docs.rs/affitor), and with the feature `webhooks` from `affitor-payments`.
//! Only the outbox and the payment ledger are another crate to add: `affitor-outbox`.
//!
//! # Guides
//!
//! [Your first lead](affitor::guides::first_lead) · [Your first sale](affitor::guides::first_sale) ·
//! [actix-web](affitor::guides::actix_web) · [Payments](https://docs.rs/affitor-payments/latest/affitor_payments/guides/payments/) ·
//! [In the background](affitor::guides::background) · [Testing and proving](affitor::guides::testing) ·
//! [Troubleshooting](affitor::guides::troubleshooting) · [all guides](affitor::guides)
//!
//! # The middleware
//!
//! The middleware never rejects a request, and passes bodies on byte for byte: a handler sees what it would see without the
//! middleware. The limits of `web::JsonConfig` and `web::FormConfig` work as usual. One thing differs: if a body is inspected, the
//! handler is called when it has arrived, or after 2 seconds ([`Sources::body_timeout`]). Use
//! [`body_when`](AffitorLayer::body_when) to exclude routes whose clients wait for a response before they send the rest of the
//! body.
//!
//! actix-web runs middleware in the opposite order of registration, so `wrap` this one after everything that reads the click id.
//! Compressed bodies are not inspected. `wrap` a middleware that decompresses request bodies after this one; the length is then
//! unknown, so bodies are inspected only with [`Sources::allow_unknown_length`]. See [`Sources`] for what is searched.
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

#[cfg(feature = "capture")]
mod click_capture;
mod config;
mod extract;
mod future;
mod middleware;
#[cfg(feature = "webhooks")]
mod payment;
mod rejection;
mod replay;
mod request_ext;
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
#[cfg(feature = "capture")]
pub use click_capture::{ClickCaptureFuture, ClickCaptureLayer, ClickCaptureService};
pub use extract::{AffitorClickId, AffitorClient};
pub use future::ResponseFuture;
pub use middleware::{AffitorLayer, AffitorService};
#[cfg(feature = "webhooks")]
pub use payment::{PaymentEvent, PaymentRejection, Redeliver};
pub use rejection::MissingLayer;
pub use request_ext::AffitorRequestExt;
