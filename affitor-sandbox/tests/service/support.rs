//! Clients of the API and other helpers for the tests.

use affitor_sandbox::{Sandbox, SandboxBuilder};
use serde_json::{Value, json};

/// A client of the API, with or without the program's key.
pub(crate) struct Visitor<'s> {
    pub(crate) sandbox: &'s Sandbox,
    pub(crate) authorization: Option<String>,
    http: reqwest::Client,
}

impl<'s> Visitor<'s> {
    pub(crate) fn server(sandbox: &'s Sandbox) -> Self {
        Self::with(sandbox, Some(format!("Bearer {}", sandbox.api_key())))
    }

    pub(crate) fn browser(sandbox: &'s Sandbox) -> Self {
        Self::with(sandbox, None)
    }

    pub(crate) fn with(sandbox: &'s Sandbox, authorization: Option<String>) -> Self {
        Self { sandbox, authorization, http: reqwest::Client::new() }
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<String>) -> (u16, Value) {
        let mut request = self.http.post(format!("{}{path}", self.sandbox.url())).body(body.into());
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn track(&self, call: &str, body: Value) -> (u16, Value) {
        self.post(&format!("/api/v1/track/{call}"), body.to_string()).await
    }

    pub(crate) async fn click(&self, partner: &str, existing: Option<&str>) -> String {
        let url = format!("https://shop.example/?aff={partner}");
        let (status, response) =
            self.track("click", json!({ "affiliate_url": url, "existing_click_id": existing })).await;
        assert_eq!((status, &response["success"]), (200, &json!(true)), "{response}");
        response["click_id"].as_str().unwrap().to_owned()
    }

    /// Sends a click and a lead.
    pub(crate) async fn lead(&self, key: &str) {
        let click_id = self.click("PARTNER123", None).await;
        let lead = json!({ "click_id": click_id, "customer_key": key, "email": "jo@example.com" });
        assert_eq!(self.track("lead", lead).await.0, 200);
    }

    /// Sends a click, a lead and a sale of 100.00 USD.
    pub(crate) async fn bought(&self, key: &str, transaction_id: &str) {
        self.lead(key).await;
        let (status, response) = self.track("sale", sale(transaction_id, key)).await;
        assert_eq!(status, 200, "{response}");
    }
}

pub(crate) fn sale(transaction_id: &str, key: &str) -> Value {
    json!({ "transaction_id": transaction_id, "amount_cents": 10_000, "currency": "USD", "customer_key": key })
}

pub(crate) async fn start(builder: SandboxBuilder) -> Sandbox {
    builder.start().await.unwrap()
}

pub(crate) fn builder() -> SandboxBuilder {
    Sandbox::builder().partner("PARTNER123").partner("abc123").other_program(7, "other_key", "other")
}

/// Logs in, and returns the token and the login's state.
pub(crate) async fn logged_in(sandbox: &Sandbox) -> (String, String) {
    let browser = Visitor::browser(sandbox);
    let state = browser.post("/api/v1/cli/auth/start", "").await.1["state"].as_str().unwrap().to_owned();
    let form = json!({ "state": state, "email": "jo@example.com" }).to_string();
    assert_eq!(browser.post("/_sandbox/consent", form).await.0, 200);
    let poll = reqwest::get(format!("{}/api/v1/cli/auth/poll?state={state}", sandbox.url())).await.unwrap();
    (poll.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned(), state)
}
