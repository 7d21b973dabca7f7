//! The server of the shop. It makes the calls that an app would make, and shows them to the visitor.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{Json, body::Bytes, extract::State as Shared};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::stripe_events::{self, Payment};
use crate::{
    api::{Call, Caller, ENDPOINTS, Fields, sign},
    call::ApiCall,
    control::Input,
    response::respond,
    service::{RequestLine, Service},
};

const PRICE_CENTS: u64 = 4_900;

static PAYMENTS: AtomicU64 = AtomicU64::new(1);

#[derive(Deserialize)]
pub(super) struct PayForm {
    customer_key: Option<String>,
    click_id: Option<String>,
    #[serde(default)]
    renewal: bool,
    /// Whether the shop tracks the sale although Stripe is connected.
    #[serde(default)]
    track: bool,
}

/// The calls that the shop's server made, and the id of the payment for a refund.
#[derive(Serialize)]
pub(super) struct Made {
    payment: String,
    calls: Vec<MadeCall>,
}

#[derive(Serialize)]
struct MadeCall {
    method: &'static str,
    path: String,
    sent: Value,
    /// `None` if there was no response.
    status: Option<u16>,
    received: Value,
}

pub(super) async fn pay(Shared(service): Shared<Arc<Service>>, Input(form): Input<PayForm>) -> Json<Made> {
    let now_ms = service.lock().state.clock.now_ms();
    let payment = format!("shop{}_{now_ms}", PAYMENTS.fetch_add(1, Ordering::Relaxed));
    let mut calls = Vec::new();
    if let Some((program_id, secret)) = stripe(&service) {
        let payment = Payment {
            id: &payment,
            program_id,
            customer_key: form.customer_key.as_deref(),
            click_id: form.click_id.as_deref(),
            amount_cents: PRICE_CENTS,
        };
        let event = if form.renewal { stripe_events::renewal(&payment) } else { stripe_events::checkout(&payment) };
        calls.push(deliver(&service, program_id, &secret, event).await);
    }
    if calls.is_empty() || form.track {
        let mut sale = json!({
            "transaction_id": format!("pi_{payment}"),
            "amount_cents": PRICE_CENTS,
            "currency": "USD",
            "is_recurring": form.renewal,
        });
        for (name, value) in [("customer_key", form.customer_key), ("click_id", form.click_id)] {
            if let Some(value) = value {
                sale[name] = json!(value);
            }
        }
        calls.push(call(&service, ApiCall::Sale, sale).await);
    }
    Json(Made { payment, calls })
}

#[derive(Deserialize)]
pub(super) struct RefundForm {
    payment: String,
}

pub(super) async fn refund(Shared(service): Shared<Arc<Service>>, Input(form): Input<RefundForm>) -> Json<Made> {
    let made = match stripe(&service) {
        Some((program_id, secret)) => {
            let event = stripe_events::refund(&form.payment, PRICE_CENTS);
            deliver(&service, program_id, &secret, event).await
        }
        None => {
            let refund = json!({ "transaction_id": format!("pi_{}", form.payment) });
            call(&service, ApiCall::Refund, refund).await
        }
    };
    Json(Made { payment: form.payment, calls: vec![made] })
}

/// The first program's id and its webhook secret, if Stripe is connected.
fn stripe(service: &Service) -> Option<(u64, String)> {
    let inner = service.lock();
    let program = inner.state.first_program()?;
    Some((program.id, program.stripe.as_ref()?.webhook_secret.0.clone()))
}

/// Makes a call with the first program's key.
async fn call(service: &Service, call: ApiCall, sent: Value) -> MadeCall {
    let path = ENDPOINTS.iter().find(|endpoint| endpoint.call == Some(call)).map_or("", |endpoint| endpoint.path);
    let raw = Bytes::from(sent.to_string());
    let caller = Caller::Shop(0);
    make(service, call, path.to_owned(), sent, raw, caller, None, "").await
}

/// Delivers a signed event.
async fn deliver(service: &Service, program_id: u64, secret: &str, event: Value) -> MadeCall {
    let raw = Bytes::from(event.to_string());
    let signature = sign(secret, &raw);
    let (path, program) = (format!("/webhooks/stripe/{program_id}"), program_id.to_string());
    make(service, ApiCall::StripeWebhook, path, event, raw, Caller::Client(None), Some(&signature), &program).await
}

#[allow(clippy::too_many_arguments, reason = "the parts of a request")]
async fn make(
    service: &Service,
    call: ApiCall,
    path: String,
    sent: Value,
    raw: Bytes,
    caller: Caller<'_>,
    stripe_signature: Option<&str>,
    program: &str,
) -> MadeCall {
    let Some(endpoint) = ENDPOINTS.iter().find(|endpoint| endpoint.call == Some(call)) else {
        return MadeCall { method: "POST", path, sent, status: None, received: Value::Null };
    };
    let served = service.serve(
        endpoint,
        RequestLine { method: "POST", path: &path },
        Call {
            now_ms: 0,
            caller,
            user_agent: None,
            stripe_signature,
            base_url: "",
            path_id: program,
            query: "",
            body: if endpoint.raw_body { Ok(Fields::default()) } else { Fields::parse(&raw) },
            raw: &raw,
        },
    );
    // A stalled call would never end: nothing closes it.
    let response = tokio::time::timeout(std::time::Duration::from_secs(10), respond(served, None)).await;
    let (status, received) = match response {
        Ok(response) if response.extensions().get::<crate::server::ResetConnection>().is_none() => {
            let status = response.status().as_u16();
            // A truncated response is an error, as it would be for an app.
            match response.into_body().collect().await {
                Ok(body) => (Some(status), serde_json::from_slice(&body.to_bytes()).unwrap_or_default()),
                Err(_) => (None, Value::Null),
            }
        }
        _ => (None, Value::Null),
    };
    MadeCall { method: "POST", path, sent, status, received }
}
