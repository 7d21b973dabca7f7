//! Helpers for tests of your own app.
//!
//! - [`payment::TestPayment`] (feature `webhooks`) makes the webhooks that a payment provider sends, signed with your app's secret.

#[cfg(feature = "webhooks")]
pub mod payment;
