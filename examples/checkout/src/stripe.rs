//! Stripe's API, as far as a checkout needs it. A library such as `async-stripe` works as well.

use std::{env, error::Error};

use affitor_axum::reqwest::{Client, header::CONTENT_TYPE};
use serde::Deserialize;
use url::{Url, form_urlencoded};

/// Stripe's API.
#[allow(missing_debug_implementations, reason = "it contains a secret")]
pub struct Api {
    /// URL of the API, or of a stand-in such as [`provider`](crate::provider).
    pub url: Url,
    /// Secret key, `sk_…`.
    pub key: String,
    /// HTTP client for the calls.
    pub http: Client,
}

#[derive(Deserialize)]
struct Session {
    url: String,
}

impl Api {
    /// Reads `STRIPE_SECRET_KEY`, and optionally `STRIPE_API_URL`.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is malformed.
    pub fn from_env() -> Result<Self, url::ParseError> {
        // `Client::new` uses the provider that the process has installed.
        #[cfg(feature = "ring")]
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            url: env::var("STRIPE_API_URL").as_deref().unwrap_or("https://api.stripe.com").parse()?,
            key: env::var("STRIPE_SECRET_KEY").unwrap_or_default(),
            http: Client::new(),
        })
    }

    /// Creates a checkout session (`POST /v1/checkout/sessions`). Returns the URL of its payment page.
    ///
    /// # Errors
    ///
    /// Returns an error if Stripe creates no session.
    pub async fn payment_page(
        &self,
        user_id: &str,
        metadata: Vec<(String, String)>,
    ) -> Result<Url, Box<dyn Error + Send + Sync>> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("mode", "payment"),
                ("client_reference_id", user_id),
                ("success_url", "http://127.0.0.1:3001/"),
                ("line_items[0][quantity]", "1"),
                ("line_items[0][price_data][currency]", "usd"),
                ("line_items[0][price_data][unit_amount]", "4900"),
                ("line_items[0][price_data][product_data][name]", "The plan"),
            ])
            .extend_pairs(metadata)
            .finish();
        let request = self.http.post(self.url.join("v1/checkout/sessions")?).bearer_auth(&self.key);
        let response = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form).send().await?;
        let session: Session = serde_json::from_slice(&response.error_for_status()?.bytes().await?)?;
        Ok(session.url.parse()?)
    }
}
