//! Helpers for tests of your own app. Enable the feature `test-util` in `[dev-dependencies]`:
//!
//! ```toml
//! [dev-dependencies]
//! affitor-actix = { version = "0.2", features = ["test-util"] }
//! ```
//!
//! A sign-up, without a socket:
//!
//! ```
//! use actix_web::{App, HttpResponse, test, web};
//! use affitor_actix::{
//!     AffitorClient, AffitorLayer, Lead,
//!     test_util::{RecordingSink, TestRequestExt},
//! };
//!
//! async fn sign_up(affitor: AffitorClient) -> HttpResponse {
//!     affitor.enqueue(Lead::new("user_7").email("jo@example.com"));
//!     HttpResponse::Ok().finish()
//! }
//!
//! # #[actix_web::main] async fn main() {
//! let sink = RecordingSink::new();
//! let app = App::new().wrap(AffitorLayer::new(sink.client())).route("/signup", web::post().to(sign_up));
//! let app = test::init_service(app).await;
//!
//! let request = test::TestRequest::post().uri("/signup").click_id("cust_42_1714000000000").to_request();
//! assert!(test::call_service(&app, request).await.status().is_success());
//!
//! let lead = sink.assert_lead("user_7");
//! assert_eq!(lead.click_id.unwrap(), "cust_42_1714000000000");
//! # }
//! ```
//!
//! A payment with a refund (feature `webhooks`):
//!
//! ```
//! # #[cfg(feature = "webhooks")] mod example {
//! use std::time::SystemTime;
//!
//! use actix_web::{App, HttpResponse, test, web};
//! use affitor_actix::{AffitorClient, AffitorLayer, Currency, PaymentEvent, Redeliver, test_util::{RecordingSink, TestRequestExt, TestPayment}, payments::{Stripe, StripeReporter, Webhook}};
//!
//! async fn stripe(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<HttpResponse, Redeliver> {
//!     event.track(&affitor).await?;
//!     Ok(HttpResponse::Ok().finish())
//! }
//!
//! # #[actix_web::main] pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sink = RecordingSink::new();
//! let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App)?;
//! let app = App::new()
//!     .app_data(web::Data::new(webhook.clone()))
//!     .wrap(AffitorLayer::new(sink.client()))
//!     .route("/webhooks/stripe", web::post().to(stripe));
//! let app = test::init_service(app).await;
//!
//! let mut payment = TestPayment::<Stripe>::new(4_900, Currency::USD).customer_key("user_7");
//! let sale = payment.ids().transaction_id;
//! for delivery in [payment.paid(), payment.refunded(1_500)].concat() {
//!     let signed = delivery.sign(&webhook, SystemTime::now());
//!     let request = test::TestRequest::post().uri("/webhooks/stripe").signed_webhook(signed).to_request();
//!     assert!(test::call_service(&app, request).await.status().is_success());
//! }
//! assert_eq!(sink.assert_sale(&sale).amount_cents, 4_900);
//! assert_eq!(sink.assert_refund(&sale).refund_amount_cents, Some(1_500));
//! # Ok(()) }
//! # }
//! # #[cfg(feature = "webhooks")] example::main().unwrap();
//! ```

use actix_web::{cookie::Cookie, test::TestRequest};
#[doc(inline)]
pub use affitor::test_util::{RecordingSink, click_id};
use affitor::{
    find::{CLICK_ID_COOKIE, CLICK_ID_HEADER},
    test_util::checked_click_id,
};
pub use affitor_payments::test_util::{PaymentIds, SignedWebhook, TestPayment, TestProvider, TestWebhook};

/// Makes requests as a visitor's browser and a payment provider send them.
pub trait TestRequestExt: Sized + sealed::Sealed {
    /// Adds the cookie with a visitor's click id. Other cookies stay, but actix-web drops those in a `Cookie` header: add them with
    /// [`cookie_header`](Self::cookie_header) or `TestRequest::cookie`.
    ///
    /// # Panics
    ///
    /// Panics if it is not a valid click id, because a layer would ignore it. [`click_id()`] returns a valid one.
    #[must_use]
    #[track_caller]
    fn click_id(self, id: impl AsRef<str>) -> Self;

    /// Adds the header with a visitor's click id, which the script of a page forwards.
    ///
    /// # Panics
    ///
    /// Panics if it is not a valid click id.
    #[must_use]
    #[track_caller]
    fn click_id_header(self, id: impl AsRef<str>) -> Self;

    /// Adds the cookies of a `Cookie` header, such as a session's. Other cookies stay. Text that is not a cookie is ignored.
    ///
    /// ```
    /// use actix_web::test::TestRequest;
    /// use affitor_actix::test_util::{TestRequestExt, click_id};
    ///
    /// let request = TestRequest::post().cookie_header("session=7; theme=dark").click_id(click_id()).to_http_request();
    /// assert_eq!(request.cookie("session").unwrap().value(), "7");
    /// assert!(request.cookie("affitor_click_id").is_some());
    /// ```
    #[must_use]
    fn cookie_header(self, header: impl AsRef<str>) -> Self;

    /// Adds the headers and the body of a signed webhook.
    #[must_use]
    fn signed_webhook(self, webhook: SignedWebhook) -> Self;
}

impl TestRequestExt for TestRequest {
    #[track_caller]
    fn click_id(self, id: impl AsRef<str>) -> Self {
        // actix-web builds the header from these, and replaces one that was set.
        self.cookie(Cookie::new(CLICK_ID_COOKIE, checked_click_id(id).as_str().to_owned()))
    }

    #[track_caller]
    fn click_id_header(self, id: impl AsRef<str>) -> Self {
        self.insert_header((CLICK_ID_HEADER, checked_click_id(id).as_str()))
    }

    fn cookie_header(self, header: impl AsRef<str>) -> Self {
        // Values are encoded again when the request is made.
        let cookies = header.as_ref().split(';').filter_map(|text| Cookie::parse_encoded(text.trim().to_owned()).ok());
        cookies.fold(self, TestRequest::cookie)
    }

    fn signed_webhook(self, webhook: SignedWebhook) -> Self {
        let SignedWebhook { body, headers, .. } = webhook;
        headers.into_iter().fold(self, TestRequest::insert_header).set_payload(body)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for actix_web::test::TestRequest {}
}
