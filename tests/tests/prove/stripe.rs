//! A stand-in for Stripe: it takes checkout sessions, and builds the webhooks from what the shop has sent.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use affitor_payments::{Stripe as Provider, Webhook};
use axum::{Form, Json, Router, extract::State, routing::post};
use serde_json::{Map, Value, json};

type Sessions = Arc<Mutex<Vec<HashMap<String, String>>>>;

/// The stand-in.
pub(crate) struct Stripe {
    pub(crate) url: String,
    sessions: Sessions,
    webhook: Webhook<Provider>,
    http: reqwest::Client,
}

/// The response of a shop to a webhook.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Stripe {
    pub(crate) const SECRET: &str = "whsec_of_the_stand_in";

    pub(crate) async fn start() -> Self {
        let sessions = Sessions::default();
        let app = Router::new().route("/v1/checkout/sessions", post(create)).with_state(Arc::clone(&sessions));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            url,
            sessions,
            webhook: Webhook::disabled().or_secret(Self::SECRET).unwrap(),
            http: reqwest::Client::new(),
        }
    }

    /// What the shop sent for its newest session.
    pub(crate) fn session(&self) -> HashMap<String, String> {
        self.sessions.lock().unwrap().last().expect("a session").clone()
    }

    /// The metadata of the newest session, `metadata` or `subscription_data[metadata]`.
    pub(crate) fn metadata(&self, place: &str) -> Map<String, Value> {
        let name = |name: &str| Some(name.strip_prefix(place)?.strip_prefix('[')?.strip_suffix(']')?.to_owned());
        self.session().into_iter().filter_map(|(key, value)| Some((name(&key)?, value.into()))).collect()
    }

    /// The webhook of the newest session, which is paid.
    pub(crate) fn paid(&self) -> Value {
        let (number, session) = (self.number(), self.session());
        let subscribes = session["mode"] == "subscription";
        let id = |kind: &str, exists: bool| exists.then(|| format!("{kind}_{number}"));
        let object = json!({ "id": format!("cs_{number}"), "object": "checkout.session", "mode": session["mode"],
            "payment_status": "paid", "payment_intent": id("pi", !subscribes), "subscription": id("sub", subscribes),
            "invoice": id("in", subscribes), "amount_total": amount(&session), "currency": "usd",
            "client_reference_id": session.get("client_reference_id"), "metadata": self.metadata("metadata") });
        event("checkout.session.completed", &object)
    }

    /// The webhook of a paid invoice of the newest session's subscription.
    pub(crate) fn invoice(&self, id: &str, reason: &str) -> Value {
        let details = json!({ "subscription": format!("sub_{}", self.number()),
            "metadata": self.metadata("subscription_data[metadata]") });
        let object = json!({ "id": id, "object": "invoice", "status": "paid", "billing_reason": reason,
            "amount_paid": amount(&self.session()), "currency": "usd",
            "parent": { "type": "subscription_details", "subscription_details": details } });
        event("invoice.paid", &object)
    }

    /// The webhooks of a refund of the newest session's payment: the refund itself, and the charge.
    pub(crate) fn refunded(&self, cents: u64) -> [Value; 2] {
        let number = self.number();
        let (charge, payment) = (format!("ch_{number}"), format!("pi_{number}"));
        let refund = json!({ "id": format!("re_{number}"), "object": "refund", "amount": cents, "currency": "usd",
            "charge": charge, "payment_intent": payment, "status": "succeeded" });
        let object = json!({ "id": charge, "object": "charge", "amount": amount(&self.session()),
            "amount_refunded": cents, "currency": "usd", "payment_intent": payment });
        let mut charge = event("charge.refunded", &object);
        charge["data"]["previous_attributes"] = json!({ "amount_refunded": 0 });
        [event("refund.created", &refund), charge]
    }

    /// Delivers a webhook, indented and signed as Stripe does it.
    pub(crate) async fn deliver(&self, shop: &str, event: &Value) -> Delivered {
        self.deliver_text(shop, serde_json::to_string_pretty(event).unwrap()).await
    }

    /// Delivers a body.
    pub(crate) async fn deliver_text(&self, shop: &str, body: String) -> Delivered {
        let headers = self.webhook.sign("", body.as_bytes(), SystemTime::now());
        let mut request = self.http.post(format!("{shop}/webhooks/stripe")).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.header("content-type", "application/json; charset=utf-8").send().await.unwrap();
        Delivered { status: response.status().as_u16(), text: response.text().await.unwrap() }
    }

    fn number(&self) -> usize {
        self.sessions.lock().unwrap().len()
    }
}

async fn create(State(sessions): State<Sessions>, Form(form): Form<HashMap<String, String>>) -> Json<Value> {
    let mut sessions = sessions.lock().unwrap();
    sessions.push(form);
    let id = format!("cs_{}", sessions.len());
    Json(json!({ "id": id, "url": format!("https://checkout.stripe.example/{id}") }))
}

fn amount(session: &HashMap<String, String>) -> u64 {
    session["line_items[0][price_data][unit_amount]"].parse().unwrap()
}

fn event(kind: &str, object: &Value) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let id = format!("evt_{kind}_{}", object["id"].as_str().unwrap());
    json!({ "id": id, "object": "event", "api_version": "2025-03-31.basil", "created": now, "livemode": true,
        "type": kind, "data": { "object": object } })
}
