//! Helpers for tests of your own app. Enable the feature `test-util` in `[dev-dependencies]`:
//!
//! ```toml
//! [dev-dependencies]
//! affitor-axum = { version = "0.2", features = ["test-util"] }
//! ```
//!
//! A sign-up, without a socket:
//!
//! ```
//! use affitor_axum::{
//!     AffitorClient, AffitorLayer, Client, Lead,
//!     test_util::{RecordingSink, RequestBuilderExt},
//! };
//! use axum::{Router, body::Body, extract::Request, routing::post};
//! use tower::ServiceExt;
//!
//! async fn sign_up(affitor: AffitorClient) {
//!     affitor.enqueue(Lead::new("user_7").email("jo@example.com"));
//! }
//!
//! fn app(client: Client) -> Router {
//!     Router::new().route("/signup", post(sign_up)).layer(AffitorLayer::new(client))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sink = RecordingSink::new();
//! let request = Request::post("/signup").click_id("cust_42_1714000000000").body(Body::empty())?;
//! let response = app(sink.client()).oneshot(request).await?;
//!
//! assert!(response.status().is_success());
//! let lead = sink.assert_lead("user_7");
//! assert_eq!(lead.click_id.unwrap(), "cust_42_1714000000000");
//! # Ok(()) }
//! ```
//!
//! A payment with a refund (feature `webhooks`):
//!
//! ```
//! # #[cfg(feature = "webhooks")] mod example {
//! use std::time::SystemTime;
//!
//! use affitor_axum::{AffitorClient, AffitorLayer, Client, Currency, PaymentEvent, Redeliver, test_util::{RecordingSink, RequestBuilderExt, TestPayment}, payments::{Stripe, StripeReporter, Webhook}};
//! use axum::{Router, extract::Request, routing::post};
//! use tower::ServiceExt;
//!
//! async fn stripe(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<(), Redeliver> {
//!     event.track(&affitor).await?;
//!     Ok(())
//! }
//!
//! fn app(client: Client, webhook: Webhook<Stripe>) -> Router {
//!     Router::new().route("/webhooks/stripe", post(stripe)).with_state(webhook).layer(AffitorLayer::new(client))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sink = RecordingSink::new();
//! let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App)?;
//! let app = app(sink.client(), webhook.clone());
//!
//! let mut payment = TestPayment::<Stripe>::new(4_900, Currency::USD).customer_key("user_7");
//! let sale = payment.ids().transaction_id;
//! for delivery in [payment.paid(), payment.refunded(1_500)].concat() {
//!     let signed = delivery.sign(&webhook, SystemTime::now());
//!     let request: Request = Request::post("/webhooks/stripe").signed_webhook(signed)?;
//!     assert!(app.clone().oneshot(request).await?.status().is_success());
//! }
//! assert_eq!(sink.assert_sale(&sale).amount_cents, 4_900);
//! assert_eq!(sink.assert_refund(&sale).refund_amount_cents, Some(1_500));
//! # Ok(()) }
//! # }
//! # #[cfg(feature = "webhooks")] example::main().unwrap();
//! ```

#[doc(inline)]
pub use affitor::test_util::{RecordingSink, click_id};
pub use affitor_payments::test_util::{PaymentIds, SignedWebhook, TestPayment, TestProvider, TestWebhook};
#[doc(inline)]
pub use affitor_tower::test_util::RequestBuilderExt;
