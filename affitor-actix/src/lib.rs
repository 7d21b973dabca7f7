//! [Affitor](https://affitor.com) affiliate tracking for actix-web: a sign-up or payment handler tracks in one line.
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
//!     if let Err(error) = affitor.track_lead(Lead::new(user_id).email(&form.email)).await {
//!         eprintln!("lead of user {user_id} not tracked: {error}");
//!     }
//!     web::Json(user_id)
//! }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::from_env()?; // once, outside of the factory
//!     HttpServer::new(move || App::new().wrap(AffitorLayer::new(client.clone())).service(sign_up))
//!         .bind(("127.0.0.1", 3001))?
//!         .run()
//!         .await?;
//!     Ok(())
//! }
//! ```
//!
//! - [`AffitorLayer`] is the middleware. It looks for the visitor's click id: in the header `x-affitor-click-id`, in the
//!   fields `affitorClickId` and `affitor_click_id` of a JSON or form body, in the cookie `affitor_click_id`.
//! - [`AffitorClient`] is the app's client bound to that visitor: events get the click id that they lack.
//! - [`AffitorClickId`] is the click id alone. A visitor without one is the normal case and never an error.
//! - [`ClickIdExt`] gets at it by hand, in a middleware of one's own.
//!
//! All of [`affitor`] is exported from here, so this is the one crate to add.
//!
//! # The middleware
//!
//! It never rejects, and what it has read of a body is passed on byte for byte: a handler sees what it would see without
//! it, and the limits of `web::JsonConfig` and its kin work as ever. One thing differs: a handler behind it is called when
//! a body that is looked into has arrived whole, or after 2 s ([`Sources::body_timeout`]); narrow the middleware
//! with [`body_when`](AffitorLayer::body_when) where clients wait for an answer before they send the rest. actix-web runs middleware in the opposite order of
//! its registration: what decompresses request bodies must be wrapped after this one. For what is looked at and what is
//! left alone see [`Sources`].
//!
//! # Features
//!
//! `rustls` (default), `rustls-no-provider`, `native-tls`, `native-tls-vendored`: the client's TLS, as in `affitor`. `queue`:
//! delivery in the background, from memory. `webhooks`: the extractor `PaymentEvent` for verified webhooks of Stripe, Polar, Lemon Squeezy and Paddle.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod error;
mod ext;
mod extract;
mod future;
mod middleware;
mod payload;
#[cfg(feature = "webhooks")]
mod payment;

pub use affitor;
#[doc(no_inline)]
pub use affitor::find::{Source, Sources};
#[doc(no_inline)]
pub use affitor::*;
pub use error::MissingLayer;
pub use ext::ClickIdExt;
pub use extract::{AffitorClickId, AffitorClient};
pub use future::ResponseFuture;
pub use middleware::{AffitorLayer, AffitorService};
#[cfg(feature = "webhooks")]
pub use payment::{PaymentEvent, PaymentRejection, Redeliver};
