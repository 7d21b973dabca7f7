//! A stand-in for Stripe, for developers without an account: checkout sessions, a payment page, refunds, and webhooks signed
//! as Stripe signs them. It does not redeliver webhooks.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::{HttpRequest, HttpResponse, get, http::header::ContentType, post, web};
use affitor_actix::{
    payments::{Stripe, Webhook},
    reqwest,
};
use serde_json::{Value, json};

/// State of the stand-in.
#[derive(Debug)]
pub struct Provider {
    webhook: Webhook<Stripe>,
    http: reqwest::Client,
    /// URL that receives the webhooks about payments.
    payments_url: String,
    /// URL that receives the webhooks about refunds.
    refunds_url: String,
    /// Parameters of each checkout session, by its number.
    sessions: Mutex<Vec<HashMap<String, String>>>,
    last_delivery: Mutex<String>,
}

impl Provider {
    /// Creates a provider that signs with the webhook's secret. `payments_shop` and `refunds_shop` are the URLs of the shops that
    /// receive the webhooks: the same shop, unless the demo breaks one of them.
    pub fn new(webhook: Webhook<Stripe>, http: reqwest::Client, payments_shop: &str, refunds_shop: &str) -> Self {
        Self {
            webhook,
            http,
            payments_url: format!("{payments_shop}/webhooks/stripe"),
            refunds_url: format!("{refunds_shop}/webhooks/stripe"),
            sessions: Mutex::default(),
            last_delivery: Mutex::default(),
        }
    }

    /// Returns the last delivery on one line: the webhook's type, the start of its signature, and the shop's response.
    pub fn last_delivery(&self) -> String {
        self.last_delivery.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn session(&self, number: usize) -> Option<HashMap<String, String>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(number).cloned()
    }

    /// Delivers an event to the shop. Responds with 200 if the shop accepted it, and with 502 otherwise.
    async fn deliver(&self, url: &str, id: &str, kind: &str, object: Value) -> HttpResponse {
        let now = SystemTime::now();
        let created = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // The charge was not refunded before.
        let data = json!({ "object": object, "previous_attributes": { "amount_refunded": 0 } });
        let body = json!({ "id": id, "object": "event", "api_version": "2025-03-31.basil", "created": created,
            "livemode": true, "type": kind, "data": data })
        .to_string();
        let mut request = self.http.post(url);
        let mut signature = String::new();
        for (name, value) in self.webhook.sign(id, body.as_bytes(), now) {
            signature = format!("{name}: {value:.30}…");
            request = request.header(name, value);
        }
        let response = request.body(body).send().await;
        let status = response.as_ref().map_or_else(ToString::to_string, |response| response.status().to_string());
        *self.last_delivery.lock().unwrap_or_else(PoisonError::into_inner) =
            format!("{kind}, {signature}, response: {status}");
        match response {
            Ok(response) if response.status().is_success() => {
                let id = object["id"].as_str().unwrap_or_default();
                html("Paid", &format!("<p>The shop accepted the webhook. Payment: <code>{id}</code></p>"))
            }
            Ok(response) => HttpResponse::BadGateway().body(format!("the shop responded with {}", response.status())),
            Err(error) => HttpResponse::BadGateway().body(error.to_string()),
        }
    }
}

/// The routes. They require a `web::Data<Provider>`.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(create_session).service(page).service(pay).service(refund);
}

#[post("/v1/checkout/sessions")]
async fn create_session(
    provider: web::Data<Provider>,
    request: HttpRequest,
    form: web::Form<HashMap<String, String>>,
) -> HttpResponse {
    let mut sessions = provider.sessions.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.push(form.into_inner());
    let number = sessions.len() - 1;
    let connection = request.connection_info();
    let url = format!("{}://{}/pay/{number}", connection.scheme(), connection.host());
    HttpResponse::Ok().json(json!({ "id": format!("cs_{number}"), "object": "checkout.session", "url": url }))
}

const UNIT_AMOUNT: &str = "line_items[0][price_data][unit_amount]";

#[get("/pay/{number}")]
async fn page(provider: web::Data<Provider>, number: web::Path<usize>) -> HttpResponse {
    let Some(session) = provider.session(*number) else { return HttpResponse::NotFound().finish() };
    let cents: u64 = session.get(UNIT_AMOUNT).and_then(|amount| amount.parse().ok()).unwrap_or_default();
    // A form without an action is sent to the page's own URL.
    let amount = format!("${}.{:02}", cents / 100, cents % 100);
    html("Pay", &format!("<p>The plan, for <b>{amount}</b>.</p><form method=post><button>Pay {amount}</button></form>"))
}

fn html(title: &str, content: &str) -> HttpResponse {
    let text = include_str!("provider_page.html").replace("{title}", title).replace("{content}", content);
    HttpResponse::Ok().content_type(ContentType::html()).body(text)
}

#[post("/pay/{number}")]
async fn pay(provider: web::Data<Provider>, number: web::Path<usize>) -> HttpResponse {
    let Some(session) = provider.session(*number) else { return HttpResponse::NotFound().finish() };
    let field = |name: &str| session.get(name).cloned().unwrap_or_default();
    let metadata: HashMap<&str, &str> = session
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("metadata[")?.strip_suffix(']')?, value.as_str())))
        .collect();
    let object = json!({ "id": format!("cs_{number}"), "object": "checkout.session", "mode": field("mode"),
        "payment_status": "paid", "payment_intent": payment_intent(*number), "client_reference_id": field("client_reference_id"),
        "amount_total": field(UNIT_AMOUNT).parse::<u64>().ok(), "currency": field("line_items[0][price_data][currency]"),
        "metadata": metadata });
    provider.deliver(&provider.payments_url, &format!("evt_pay_{number}"), "checkout.session.completed", object).await
}

fn payment_intent(number: usize) -> String {
    format!("pi_{number}")
}

/// `POST /v1/refunds` with `payment_intent`: refunds the whole payment.
#[post("/v1/refunds")]
async fn refund(provider: web::Data<Provider>, form: web::Form<HashMap<String, String>>) -> HttpResponse {
    let paid = form.get("payment_intent").and_then(|id| id.strip_prefix("pi_")?.parse::<usize>().ok());
    let Some((number, session)) = paid.and_then(|number| Some((number, provider.session(number)?))) else {
        return HttpResponse::NotFound().finish();
    };
    let amount = session.get(UNIT_AMOUNT).and_then(|amount| amount.parse::<u64>().ok());
    let object = json!({ "id": format!("ch_{number}"), "object": "charge", "amount": amount, "amount_refunded": amount,
        "refunded": true, "currency": session.get("line_items[0][price_data][currency]"),
        "payment_intent": payment_intent(number) });
    provider.deliver(&provider.refunds_url, &format!("evt_refund_{number}"), "charge.refunded", object).await
}
