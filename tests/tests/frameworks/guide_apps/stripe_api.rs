//! A stand-in of Stripe's API that creates Checkout sessions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{Form, Json, Router, extract::State, routing::post};
use serde_json::{Value, json};

type Parameters = HashMap<String, String>;

pub(crate) struct StripeApi {
    url: String,
    created: Arc<Mutex<Vec<Parameters>>>,
}

async fn create(State(created): State<Arc<Mutex<Vec<Parameters>>>>, Form(form): Form<Parameters>) -> Json<Value> {
    created.lock().unwrap().push(form);
    Json(json!({ "id": "cs_1", "object": "checkout.session", "url": "https://checkout.stripe.example/cs_1" }))
}

impl StripeApi {
    pub(crate) async fn start() -> Self {
        let created = Arc::new(Mutex::new(Vec::new()));
        let app = Router::new().route("/v1/checkout/sessions", post(create)).with_state(Arc::clone(&created));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, created }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The metadata of the only session, which Stripe returns in its webhooks.
    pub(crate) fn metadata(&self) -> Parameters {
        let created = self.created.lock().unwrap();
        assert_eq!(created.len(), 1);
        let names = created[0].iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((name.to_owned(), value.clone()))
        });
        names.collect()
    }
}
