//! [Affitor](https://affitor.com) affiliate tracking for axum: a sign-up or payment handler tracks in one line.
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
//!     if let Err(error) = affitor.track_lead(Lead::new(user_id).email(form.email)).await {
//!         eprintln!("lead of user {user_id} not tracked: {error}");
//!     }
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
//! - [`AffitorLayer`] looks for the visitor's click id: in the header `x-affitor-click-id`, in the fields
//!   `affitorClickId` and `affitor_click_id` of a JSON or form body, in the cookie `affitor_click_id`.
//! - [`AffitorClient`] is the app's client bound to that visitor: events get the click id that they lack.
//! - [`AffitorClickId`] is the click id alone. A visitor without one is the normal case and never a rejection.
//! - [`ClickIdExt`] gets at it by hand, in a middleware of one's own.
//!
//! All of [`affitor`] is exported from here, so this is the one crate to add.
//!
//! # The layer
//!
//! It never rejects, and what it has read of a body is passed on byte for byte: a handler sees what it would see without
//! it. `DefaultBodyLimit` and `Json` work as ever. One thing differs: a handler behind it is called when a body that is
//! looked into has arrived whole, or after 2 s ([`Sources::body_timeout`]); narrow the layer with
//! [`body_when`](AffitorLayer::body_when) where clients wait for an answer before they send the rest. Put around the
//! finished `Router` (`AffitorLayer::new(client).layer(router)`, with `tower::Layer`) it costs half to two thirds of what
//! `Router::layer` costs. For what it looks at and what it leaves alone see [`Sources`] and the crate `affitor-tower`.
//!
//! # Features
//!
//! `rustls` (default), `rustls-no-provider`, `native-tls`, `native-tls-vendored`: the client's TLS, as in `affitor`. `queue`:
//! delivery in the background, from memory. `webhooks`: the extractor `PaymentEvent` for verified webhooks of Stripe, Polar, Lemon Squeezy and Paddle.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod body;
mod extract;
mod layer;
#[cfg(feature = "webhooks")]
mod payment;
mod rejection;

pub use affitor;
#[doc(no_inline)]
pub use affitor::*;
pub use affitor_tower;
pub use affitor_tower::{ClickIdExt, Source, Sources};
pub use body::AxumBody;
pub use extract::{AffitorClickId, AffitorClient};
pub use layer::AffitorLayer;
#[cfg(feature = "webhooks")]
pub use payment::{PaymentEvent, PaymentRejection, Redeliver};
pub use rejection::MissingLayer;
