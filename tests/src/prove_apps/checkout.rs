//! The checkout: a session of Stripe Checkout.

use affitor::{BoundClient, Currency, Sale};
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use super::{AnyError, Fault, page::Page, shop::Shop, users, users::User};

/// The query of the checkout.
#[derive(Deserialize)]
pub(super) struct Order {
    /// `pro` is a subscription. Without it, the customer buys once.
    plan: Option<String>,
}

#[derive(Deserialize)]
struct Session {
    url: String,
}

impl Shop {
    /// Sends the user to Stripe's payment page.
    pub(super) async fn check_out(
        &self,
        affitor: &BoundClient,
        host: &str,
        cookies: &str,
        order: Order,
    ) -> Result<Page, AnyError> {
        let Some(user) = self.users.user(users::token(cookies)) else {
            return Ok(Page::refused(401, "Sign up first."));
        };
        let subscribes = order.plan.as_deref() == Some("pro");
        let currency = if self.has(Fault::FixedCurrency) { "eur" } else { "usd" };
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(price(subscribes, currency))
            .extend_pairs(self.buyer(affitor, &user, subscribes)?)
            .append_pair("success_url", &format!("http://{host}/thanks?{{CHECKOUT_SESSION_ID}}"))
            .finish();
        let request = self.http.post(format!("{}/v1/checkout/sessions", self.stripe_url.trim_end_matches('/')));
        let request =
            request.bearer_auth("sk_test_0123456789").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = request.body(form).send().await?.error_for_status()?;
        Ok(Page::see_other(response.json::<Session>().await?.url))
    }

    /// What says who buys: it comes back in the webhooks.
    fn buyer(&self, affitor: &BoundClient, user: &User, subscribes: bool) -> Result<Vec<(String, String)>, AnyError> {
        // The mistake: the lead has the user's id.
        let customer_key = if self.has(Fault::LowercaseKey) {
            user.email.to_lowercase()
        } else if self.has(Fault::LastUser) {
            self.users.last_id()
        } else if self.has(Fault::PrefixedKey) {
            format!("shop:{}", user.id)
        } else if self.has(Fault::WrongCustomerKey) || self.key_is_address() {
            user.email.clone()
        } else {
            user.id.clone()
        };
        let metadata = affitor.stripe_metadata(&customer_key);
        // The mistake: renewals have the metadata of the subscription, not of the session.
        let in_both_places = subscribes && !self.has(Fault::NoSubscriptionMetadata);
        let mut pairs =
            if in_both_places { metadata.for_subscription().form_pairs() } else { metadata.for_payment().form_pairs() };
        if self.has(Fault::NoSessionMetadata) {
            // The mistake: nothing of the session says who buys.
            pairs.retain(|(name, _)| !name.starts_with("metadata["));
        } else {
            pairs.push(("client_reference_id".to_owned(), customer_key.clone()));
        }
        Ok(pairs)
    }
}

impl Shop {
    /// The page after a payment.
    pub(super) async fn thanks(&self, affitor: &BoundClient, session: &str, cookies: &str) -> Result<Page, AnyError> {
        if let Some(user) = self.users.user(users::token(cookies)).filter(|_| self.has(Fault::ThankYou)) {
            // The mistake: the webhook reports the sale.
            affitor.track_sale(Sale::new(session, 4_900, Currency::USD).customer_key(&user.id)).await?;
        }
        Ok(Page::refused(200, "Thank you."))
    }
}

/// What is bought: 49.00 once, or 29.00 each month.
fn price(subscribes: bool, currency: &'static str) -> Vec<(&'static str, &'static str)> {
    let (mode, amount) = if subscribes { ("subscription", "2900") } else { ("payment", "4900") };
    let mut pairs = vec![
        ("mode", mode),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", currency),
        ("line_items[0][price_data][unit_amount]", amount),
        ("line_items[0][price_data][product_data][name]", "The plan"),
    ];
    if subscribes {
        pairs.push(("line_items[0][price_data][recurring][interval]", "month"));
    }
    pairs
}
