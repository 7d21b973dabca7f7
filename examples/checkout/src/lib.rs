//! A checkout app: a product page, a checkout with Stripe, and the handler of Stripe's webhook, which reports sales and refunds.
//! [`axum`] and [`actix`] are the two versions; the other modules are what both share.

pub mod actix;
pub mod axum;
pub mod orders;
pub mod provider;
pub mod stripe;

use std::sync::Arc;

use affitor_axum::payments::{Stripe, Webhook};
use session::Sessions;

/// What the handlers share.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it contains secrets")]
pub struct Shop {
    /// Who is signed in.
    pub sessions: Sessions,
    /// The API of Stripe.
    pub stripe: Arc<stripe::Api>,
    /// The endpoint of Stripe's webhooks.
    pub webhook: Webhook<Stripe>,
    /// The orders that are paid.
    pub orders: Arc<orders::Orders>,
}

const PAGE: &str = include_str!("page.html");
