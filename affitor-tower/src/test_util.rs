//! Requests for tests of your own service. Enable the feature `test-util` in `[dev-dependencies]`.
//!
//! ```
//! use affitor_tower::{
//!     AffitorLayer, AffitorRequestExt,
//!     affitor::{Lead, test_util::RecordingSink},
//!     test_util::RequestBuilderExt,
//! };
//! use http::{Request, Response};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sign_up = service_fn(async |request: Request<()>| {
//!     if let Some(affitor) = request.affitor() {
//!         affitor.enqueue(Lead::new("user_7"));
//!     }
//!     Ok::<_, std::convert::Infallible>(Response::new(()))
//! });
//!
//! let sink = RecordingSink::new();
//! let service = AffitorLayer::new(sink.client()).layer(sign_up);
//! service.oneshot(Request::post("/signup").click_id("cust_42_1714000000000").body(())?).await?;
//! assert_eq!(sink.assert_lead("user_7").click_id.unwrap(), "cust_42_1714000000000");
//! # Ok(()) }
//! ```

use affitor::{
    find::{CLICK_ID_COOKIE, CLICK_ID_HEADER},
    test_util::checked_click_id,
};
use affitor_payments::test_util::SignedWebhook;
use http::{Request, header, request::Builder};

/// Makes requests as a visitor's browser and a payment provider send them.
pub trait RequestBuilderExt: Sized + sealed::Sealed {
    /// Adds the cookie with a visitor's click id. Other cookies stay.
    ///
    /// # Panics
    ///
    /// Panics if it is not a valid click id, because a layer would ignore it. [`click_id`](affitor::test_util::click_id()) returns a
    /// valid one.
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

    /// Adds the headers and the body of a signed webhook.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use affitor_payments::{Stripe, StripeReporter, Webhook, test_util::TestPayment};
    /// use affitor_tower::{affitor::Currency, test_util::RequestBuilderExt};
    /// use http::Request;
    ///
    /// let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App)?;
    /// let payment = TestPayment::<Stripe>::new(4_900, Currency::USD).customer_key("user_7");
    /// for delivery in payment.paid() {
    ///     let signed = delivery.sign(&webhook, SystemTime::now());
    ///     let request: Request<String> = Request::post("/webhooks/stripe").signed_webhook(signed)?;
    ///     assert!(request.headers().contains_key("stripe-signature"));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if an earlier call on the builder failed, such as one with a malformed URI.
    fn signed_webhook<B: From<String>>(self, webhook: SignedWebhook) -> http::Result<Request<B>>;
}

impl RequestBuilderExt for Builder {
    #[track_caller]
    fn click_id(self, id: impl AsRef<str>) -> Self {
        let id = checked_click_id(id);
        self.header(header::COOKIE, format!("{CLICK_ID_COOKIE}={id}"))
    }

    #[track_caller]
    fn click_id_header(self, id: impl AsRef<str>) -> Self {
        self.header(CLICK_ID_HEADER, checked_click_id(id).as_str())
    }

    fn signed_webhook<B: From<String>>(self, webhook: SignedWebhook) -> http::Result<Request<B>> {
        let SignedWebhook { body, headers, .. } = webhook;
        headers.into_iter().fold(self, |builder, (name, value)| builder.header(name, value)).body(body.into())
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for http::request::Builder {}
}
