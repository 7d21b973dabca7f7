//! A shop with a payment ledger, to start your own from: a checkout with Stripe, and the webhook that reports each payment and each
//! refund to Affitor, exactly once. Orders and the ledger commit together.

use affitor_axum::{
    AffitorClient, AffitorLayer, Client, PaymentEvent, Redeliver,
    payments::{PaymentError, Stripe, Webhook, WebhookEvent},
    reqwest::{self, header::CONTENT_TYPE},
};
use affitor_outbox::{
    Outbox,
    sqlx::{self, Sqlite, SqlitePool},
};
use axum::{
    Form, Router,
    extract::{FromRef, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use url::{Url, form_urlencoded};

/// State shared by the handlers.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it contains a secret")]
pub struct Shop {
    /// The outbox in the shop's database, with the payment ledger.
    pub outbox: Outbox<Sqlite>,
    /// URL of Stripe's API.
    pub stripe_url: Url,
    /// Stripe's secret key, `sk_…`.
    pub stripe_key: String,
    /// Endpoint of Stripe's webhooks.
    pub stripe_webhook: Webhook<Stripe>,
    /// HTTP client for the calls to Stripe.
    pub http: reqwest::Client,
}

impl FromRef<Shop> for Webhook<Stripe> {
    fn from_ref(shop: &Shop) -> Self {
        shop.stripe_webhook.clone()
    }
}

/// Creates the tables of the shop, unless they exist.
///
/// # Errors
///
/// Returns an error if the database is not available.
pub async fn create_tables(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let tables = "CREATE TABLE IF NOT EXISTS webhooks (id text PRIMARY KEY);
                  CREATE TABLE IF NOT EXISTS orders (id integer PRIMARY KEY, session text NOT NULL UNIQUE)";
    sqlx::raw_sql(tables).execute(pool).await.map(drop)
}

/// Builds the app.
pub fn app(shop: Shop, client: Client) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/api/checkout", post(check_out))
        .route("/webhooks/stripe", post(payment_webhook))
        .layer(AffitorLayer::new(client))
        .with_state(shop)
}

async fn page() -> Html<String> {
    Html(include_str!("page.html").replace("{user_id}", ""))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Buyer {
    user_id: String,
}

/// Sends the visitor to Stripe's payment page. The metadata comes back in the webhook: the user id and the click id.
async fn check_out(State(shop): State<Shop>, affitor: AffitorClient, Form(buyer): Form<Buyer>) -> Response {
    let metadata = affitor.stripe_metadata(&buyer.user_id).map(|metadata| metadata.for_payment().form_pairs());
    let metadata = metadata
        .inspect_err(|error| tracing::error!(%error, "the payment will have no Affitor metadata"))
        .unwrap_or_default();
    match shop.create_session(&buyer.user_id, metadata).await {
        Ok(Session { url }) => Redirect::to(url.as_str()).into_response(),
        Err(error) => {
            tracing::error!(%error, "the checkout session could not be created");
            (StatusCode::BAD_GATEWAY, "payments are unavailable at the moment").into_response()
        }
    }
}

#[derive(Deserialize)]
struct Session {
    url: String,
}

/// Records the payment. If that fails, the response is 503, and Stripe redelivers the webhook.
async fn payment_webhook(State(shop): State<Shop>, event: PaymentEvent<Stripe>) -> Result<(), Redeliver> {
    shop.record(&event).await?;
    Ok(())
}

impl Shop {
    /// Does the shop's own work and records the payment, in one transaction.
    async fn record(&self, event: &WebhookEvent<Stripe>) -> Result<(), PaymentError> {
        let mut tx = self.outbox.begin().await?;
        let fulfilled = fulfil_once(&mut tx, event).await;
        fulfilled.map_err(PaymentError::not_recorded)?;
        // Last, because it locks rows until the transaction ends.
        let record = self.outbox.record_payment(&mut tx, event).await?;
        tx.commit().await.map_err(PaymentError::not_recorded)?;
        tracing::info!(enqueued = record.enqueued.len(), "payment webhook recorded");
        Ok(())
    }

    /// Calls Stripe's `POST /v1/checkout/sessions`.
    async fn create_session(
        &self,
        user_id: &str,
        metadata: Vec<(String, String)>,
    ) -> Result<Session, Box<dyn std::error::Error + Send + Sync>> {
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
        let request = self.http.post(self.stripe_url.join("v1/checkout/sessions")?).bearer_auth(&self.stripe_key);
        let response = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form).send().await?;
        Ok(serde_json::from_slice(&response.error_for_status()?.bytes().await?)?)
    }
}

/// Stores the order of a paid session. Stripe delivers a webhook more than once, so it is done once per event.
async fn fulfil_once(tx: &mut sqlx::Transaction<'_, Sqlite>, event: &WebhookEvent<Stripe>) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO webhooks (id) VALUES ($1) ON CONFLICT DO NOTHING";
    let first = sqlx::query(sql).bind(event.id().as_deref()).execute(&mut **tx).await?.rows_affected() > 0;
    let session = &event.json()["data"]["object"];
    if first && event.kind() == "checkout.session.completed" && session["payment_status"] == "paid" {
        let sql = "INSERT INTO orders (session) VALUES ($1) ON CONFLICT DO NOTHING";
        sqlx::query(sql).bind(session["id"].as_str()).execute(&mut **tx).await?;
    }
    Ok(())
}
