//! A stand-in of Stripe's API: it remembers what the app's checkout sends.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::stand_in::{Server, json_response, lock, now, random_id};

/// The members of a session that do not depend on the app.
const SESSION: &str = include_str!("stripe_api/session.json");

/// What the app created.
#[derive(Clone, Debug)]
pub(super) struct Created {
    pub(super) id: String,
    /// The parameters under their names in Stripe's form encoding, such as `metadata[program_id]`.
    parameters: BTreeMap<String, String>,
}

impl Created {
    fn new(parameters: BTreeMap<String, String>) -> Self {
        Self { id: format!("cs_live_{}", random_id()), parameters }
    }

    pub(super) fn with_new_id(&self) -> Self {
        Self::new(self.parameters.clone())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The entries of a map such as `metadata` or `subscription_data[metadata]`.
    pub(super) fn map(&self, name: &str) -> BTreeMap<String, String> {
        let entries = self.parameters.iter().filter_map(|(key, value)| {
            let key = key.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            Some((key.to_owned(), value.clone()))
        });
        entries.collect()
    }

    pub(super) fn is_subscription(&self) -> bool {
        self.get("mode") == Some("subscription")
    }

    /// The total of the line items that name a price, in the currency's smallest unit, with the currency.
    pub(super) fn amount(&self) -> Option<(u64, String)> {
        let mut total = 0_u64;
        let mut currency = None;
        for item in 0..100 {
            let Some(amount) = self.get(&format!("line_items[{item}][price_data][unit_amount]")) else { break };
            let quantity = self.get(&format!("line_items[{item}][quantity]")).unwrap_or("1");
            total = total.checked_add(amount.parse::<u64>().ok()?.checked_mul(quantity.parse().ok()?)?)?;
            currency = self.get(&format!("line_items[{item}][price_data][currency]"));
        }
        Some((total, currency?.to_uppercase())).filter(|(total, _)| *total > 0)
    }
}

#[derive(Debug, Default)]
struct Received {
    sessions: Mutex<Vec<Created>>,
    /// Method and path of calls that the stand-in does not know.
    unknown: Mutex<Vec<String>>,
    changed: watch::Sender<()>,
}

/// The stand-in, running until it is dropped.
#[derive(Debug)]
pub(super) struct StripeApi {
    server: Server,
    received: Arc<Received>,
}

impl StripeApi {
    pub(super) async fn start() -> io::Result<Self> {
        let received = Arc::new(Received::default());
        let routes = |url: &str| {
            Router::new()
                .route("/v1/checkout/sessions", post(create_session))
                .route("/v1/checkout/sessions/{id}", get(read_session))
                .route("/v1/customers", post(create_customer))
                .route("/pay/{id}", get(pay))
                .fallback(unknown)
                .with_state((url.to_owned(), received.clone()))
        };
        Ok(Self { server: Server::start(routes).await?, received })
    }

    pub(super) fn url(&self) -> &str {
        &self.server.url
    }

    /// The sessions that the app has created, oldest first.
    pub(super) fn sessions(&self) -> Vec<Created> {
        lock(&self.received.sessions).clone()
    }

    /// Calls that the stand-in does not know.
    pub(super) fn unknown_calls(&self) -> Vec<String> {
        lock(&self.received.unknown).clone()
    }

    /// Waits until there are more sessions than this.
    pub(super) async fn more_sessions_than(&self, count: usize) {
        let mut changed = self.received.changed.subscribe();
        while self.sessions().len() <= count && changed.changed().await.is_ok() {}
    }
}

type Shared = State<(String, Arc<Received>)>;

async fn create_session(State((url, received)): Shared, body: Bytes) -> Response {
    let parameters: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let has_items = parameters.keys().any(|key| key.starts_with("line_items"));
    let is_setup = parameters.get("mode").is_some_and(|mode| mode == "setup");
    let missing = if parameters.contains_key("mode") {
        Some("line_items").filter(|_| !has_items && !is_setup)
    } else {
        Some("mode")
    };
    if let Some(missing) = missing {
        return error(StatusCode::BAD_REQUEST, &format!("Missing required param: {missing}."));
    }
    let session = Created::new(parameters);
    let response = session_object(&url, &session);
    lock(&received.sessions).push(session);
    received.changed.send_replace(());
    json_response(StatusCode::OK, &response)
}

async fn read_session(State((url, received)): Shared, Path(id): Path<String>) -> Response {
    let session = lock(&received.sessions).iter().find(|session| session.id == id).cloned();
    match session {
        Some(session) => json_response(StatusCode::OK, &session_object(&url, &session)),
        None => error(StatusCode::NOT_FOUND, "No such checkout.session"),
    }
}

async fn create_customer(body: Bytes) -> Response {
    let parameters: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let customer = Created { id: format!("cus_{}", random_id()), parameters };
    let object = json!({
        "id": customer.id, "object": "customer", "created": now(), "livemode": true, "balance": 0, "currency": null,
        "delinquent": false, "description": null, "discount": null, "email": customer.get("email"),
        "invoice_settings": {}, "metadata": customer.map("metadata"), "name": customer.get("name"), "shipping": null,
    });
    json_response(StatusCode::OK, &object)
}

async fn pay() -> &'static str {
    "Stand-in of Stripe's payment page. `affitor prove` pays for the visitor.\n"
}

async fn unknown(State((_, received)): Shared, method: axum::http::Method, uri: axum::http::Uri) -> Response {
    let mut unknown = lock(&received.unknown);
    if unknown.len() < 20 {
        unknown.push(format!("{method} {}", uri.path().chars().take(100).collect::<String>()));
    }
    error(StatusCode::NOT_FOUND, "The stand-in of Stripe's API that `affitor prove` runs does not know this call.")
}

fn session_object(url: &str, session: &Created) -> Value {
    let (amount, currency) = session.amount().unzip();
    let text = |name: &str| session.get(name).map_or(Value::Null, Value::from);
    let is_hosted = !matches!(session.get("ui_mode"), Some("embedded" | "custom"));
    let own = json!({
        "id": session.id, "url": is_hosted.then(|| format!("{url}/pay/{}", session.id)), "mode": session.get("mode"),
        "client_secret": (!is_hosted).then(|| format!("{}_secret_test", session.id)), "ui_mode": session.get("ui_mode").unwrap_or("hosted"),
        "created": now(), "expires_at": now() + 86_400, "metadata": session.map("metadata"),
        "client_reference_id": text("client_reference_id"), "customer": text("customer"),
        "customer_email": text("customer_email"), "success_url": text("success_url"), "cancel_url": text("cancel_url"),
        "amount_total": amount, "amount_subtotal": amount, "currency": currency.map(|currency| currency.to_lowercase()),
    });
    // What the app did not set. The file is valid, as a test shows.
    let mut object: Map<String, Value> = serde_json::from_str(SESSION).unwrap_or_default();
    if let Value::Object(own) = own {
        object.extend(own);
    }
    Value::Object(object)
}

fn error(status: StatusCode, message: &str) -> Response {
    json_response(status, &json!({ "error": { "type": "invalid_request_error", "message": message } }))
}

#[cfg(test)]
mod tests {
    use super::{Created, session_object};

    #[test]
    fn a_session_has_the_members_of_stripe_and_those_of_the_app() {
        let object = session_object("http://127.0.0.1:1", &created("mode=payment&metadata[a]=1"));
        assert_eq!(object["object"], "checkout.session");
        assert_eq!((&object["metadata"]["a"], &object["url"]), (&"1".into(), &"http://127.0.0.1:1/pay/cs_1".into()));
    }

    fn created(body: &str) -> Created {
        let parameters = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        Created { id: "cs_1".to_owned(), parameters }
    }

    #[test]
    fn maps_and_amounts() {
        let session = created(
            "mode=subscription&metadata[a]=1&metadata[b]=2&subscription_data[metadata][a]=3&line_items[0][price_data][unit_amount]=1200\
             &line_items[0][price_data][currency]=eur&line_items[0][quantity]=2&line_items[1][price_data][unit_amount]=1\
             &line_items[1][price_data][currency]=eur",
        );
        assert!(session.is_subscription());
        assert_eq!(session.map("metadata").len(), 2);
        assert_eq!(session.map("subscription_data[metadata]").get("a").map(String::as_str), Some("3"));
        assert_eq!(session.amount(), Some((2_401, "EUR".to_owned())));
        for body in [
            "",
            "line_items[0][price]=price_1",
            "line_items[0][price_data][unit_amount]=18446744073709551615&line_items[0][quantity]=2&line_items[0][price_data][currency]=usd",
        ] {
            assert_eq!(created(body).amount(), None);
        }
    }
}
