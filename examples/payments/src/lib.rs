//! A shop with a payment ledger, to start your own from: a checkout with Stripe, and the webhook that reports each payment and each
//! refund to Affitor. Orders and the ledger commit together.

use std::sync::Arc;

use affitor_axum::{
    AffitorClient, AffitorLayer, Client, PaymentEvent, Redeliver,
    payments::{PaymentError, Stripe, Webhook, WebhookEvent},
};
use affitor_outbox::{
    Outbox,
    sqlx::{self, Sqlite, SqlitePool},
};
use axum::{
    Router,
    extract::{FromRef, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use checkout::stripe::Api;
use session::{Sessions, User};

/// State shared by the handlers.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it contains secrets")]
pub struct Shop {
    /// The outbox in the shop's database, with the payment ledger.
    pub outbox: Outbox<Sqlite>,
    /// Stripe's API.
    pub stripe: Arc<Api>,
    /// Endpoint of Stripe's webhooks.
    pub webhook: Webhook<Stripe>,
    /// Who is signed in.
    pub sessions: Sessions,
}

impl FromRef<Shop> for Webhook<Stripe> {
    fn from_ref(shop: &Shop) -> Self {
        shop.webhook.clone()
    }
}

impl FromRef<Shop> for Sessions {
    fn from_ref(shop: &Shop) -> Self {
        shop.sessions.clone()
    }
}

/// Creates the tables of the shop, unless they exist.
///
/// # Errors
///
/// Returns an error if the database is not available.
pub async fn create_tables(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let table = "CREATE TABLE IF NOT EXISTS orders (id integer PRIMARY KEY, session text NOT NULL UNIQUE)";
    sqlx::raw_sql(table).execute(pool).await.map(drop)
}

/// Builds the app.
pub fn app(shop: Shop, client: Client) -> Router {
    Router::new()
        .route("/", get(|| async { Html(include_str!("page.html")) }))
        .route("/api/checkout", post(check_out))
        .route("/webhooks/stripe", post(payment_webhook))
        .layer(AffitorLayer::new(client))
        .with_state(shop)
}

/// Sends the user to Stripe's payment page. The metadata comes back in the webhook: the user id and the click id.
async fn check_out(State(shop): State<Shop>, User(user_id): User, affitor: AffitorClient) -> Response {
    let metadata = affitor.stripe_metadata(&user_id).for_payment().form_pairs();
    match shop.stripe.payment_page(&user_id, metadata).await {
        Ok(url) => Redirect::to(url.as_str()).into_response(),
        Err(error) => {
            tracing::error!(%error, "the checkout session could not be created");
            (StatusCode::BAD_GATEWAY, "payments are unavailable at the moment").into_response()
        }
    }
}

/// Records the payment. Whatever Affitor does, the response is 200. If the shop's own database fails, it is 503, and Stripe redelivers
/// the webhook.
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
}

/// Stores the order of a paid session. Stripe delivers a webhook more than once, so it is done once per session.
async fn fulfil_once(tx: &mut sqlx::Transaction<'_, Sqlite>, event: &WebhookEvent<Stripe>) -> Result<(), sqlx::Error> {
    let session = &event.json()["data"]["object"];
    let may_pay = ["checkout.session.completed", "checkout.session.async_payment_succeeded"].contains(&event.kind());
    if may_pay && session["payment_status"] == "paid" {
        let sql = "INSERT INTO orders (session) VALUES ($1) ON CONFLICT DO NOTHING";
        sqlx::query(sql).bind(session["id"].as_str()).execute(&mut **tx).await?;
    }
    Ok(())
}
