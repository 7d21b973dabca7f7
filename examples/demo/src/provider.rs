//! A stand-in for a payment provider: a pay page, and webhooks that it signs. It remembers nothing: what the checkout has
//! put into the pay page's URL comes back in the webhook.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Form, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::BoxError;

struct Provider {
    http: reqwest::Client,
    secret: &'static str,
    /// The shop that hears of payments, and the one that hears of refunds: the same, unless the demo breaks the latter.
    payments: String,
    refunds: String,
}

pub(crate) fn app(secret: &'static str, payments: String, refunds: String) -> Result<Router, BoxError> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    Ok(Router::new().route("/pay", get(page).post(pay)).route("/refund", post(refund)).with_state(Arc::new(Provider {
        http,
        secret,
        payments,
        refunds,
    })))
}

#[derive(Deserialize)]
struct Payment {
    id: String,
    amount_cents: u64,
    currency: String,
    #[serde(flatten)]
    rest: HashMap<String, String>,
}

async fn page(Query(payment): Query<Payment>) -> Html<String> {
    let amount =
        format!("{}.{:02} {}", payment.amount_cents / 100, payment.amount_cents % 100, escaped(&payment.currency));
    // Without an action the form goes to this page's own URL, query included.
    Html(format!("<!doctype html><title>Pay</title><p>Pay {amount}?<form method=post><button>Pay</button></form>"))
}

async fn pay(State(provider): State<Arc<Provider>>, Query(payment): Query<Payment>) -> Response {
    let metadata: HashMap<&str, &str> = payment
        .rest
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("metadata[")?.strip_suffix(']')?, value.as_str())))
        .collect();
    let data = json!({
        "id": payment.id,
        "amount_cents": payment.amount_cents,
        "currency": payment.currency,
        "metadata": metadata,
    });
    provider.send(&provider.payments, &json!({ "type": "payment.succeeded", "data": data })).await
}

#[derive(Deserialize)]
struct RefundForm {
    id: String,
}

async fn refund(State(provider): State<Arc<Provider>>, Form(form): Form<RefundForm>) -> Response {
    let event = json!({ "type": "payment.refunded", "data": { "id": form.id } });
    provider.send(&provider.refunds, &event).await
}

impl Provider {
    /// Delivers a webhook and says what the shop answered. A real provider would deliver again what is answered with
    /// 5xx.
    async fn send(&self, shop: &str, event: &Value) -> Response {
        let body = event.to_string();
        let sent = self
            .http
            .post(format!("{shop}/webhooks/payment"))
            .header("x-signature", checkout::sign(self.secret, body.as_bytes()))
            .body(body)
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status().is_success() => {
                Html("<!doctype html><title>Paid</title><p>Done.").into_response()
            }
            Ok(answer) => (StatusCode::BAD_GATEWAY, format!("the shop answered {}", answer.status())).into_response(),
            Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
