//! A small shop to click through, for testers without an app. Its page reports clicks and sign-ups with the tracker. Its
//! server, the two handlers in this file, reports sales and refunds with the API key, as an app would.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Json, Router,
    extract::State as Shared,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use maud::{DOCTYPE, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{asset, html_response};
use crate::{
    api::{Call, ENDPOINTS, Fields, Reply},
    call::ApiCall,
    response::respond,
    service::{RequestLine, Service},
};

const PRICE_CENTS: u64 = 4_900;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/shop", get(shop))
        .route("/shop.js", get(async || asset("text/javascript; charset=utf-8", include_str!("shop.js"))))
        .route("/shop/pay", post(pay))
        .route("/shop/refund", post(refund))
}

async fn shop(Shared(service): Shared<Arc<Service>>) -> impl IntoResponse {
    let (program_id, partners) = {
        let inner = service.lock();
        let partners: Vec<String> = inner.state.partners.iter().map(|partner| partner.code.clone()).collect();
        (inner.state.programs.first().map_or(0, |program| program.id), partners)
    };
    html_response(&html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "A shop · Affitor sandbox" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/_sandbox/page.css";
                script src="/js/affitor-tracker.js" data-affitor-program-id=(program_id) defer {}
                script src="/_sandbox/shop.js" defer {}
            }
            body {
                header.top { h1 { "A shop " span { "with partners" } } a href="/" { "What the sandbox has received" } }
                div.begin {
                    ol {
                        li { "Follow a partner's link: "
                            @for code in &partners { a href=(format!("?{}", url::form_urlencoded::Serializer::new(String::new()).append_pair("aff", code).finish())) { (code) } " " }
                            p.sub { "Your click id: " code #click-id { "none" } } }
                        li { "Sign up: "
                            form.row #signup { label { "E-mail " input type="email" name="email" value="jo@example.com" required; } button { "Sign up" } }
                            p.sub { "You are " code #user { "nobody" } } }
                        li { "Pay: " form.row #pay { button { "Pay 49.00 USD" } } }
                        li { "Ask for a refund: " form.row #refund { button { "Refund the last payment" } } }
                    }
                    p #said role="status" {}
                    noscript { p { "This page demonstrates the tracker and requires JavaScript." } }
                }
            }
        }
    })
}

#[derive(Deserialize)]
struct Payment {
    customer_key: Option<String>,
    click_id: Option<String>,
}

async fn pay(Shared(service): Shared<Arc<Service>>, Json(payment): Json<Payment>) -> Response {
    static PAYMENTS: AtomicU64 = AtomicU64::new(1);
    let id = PAYMENTS.fetch_add(1, Ordering::Relaxed);
    let now_ms = service.lock().state.clock.now_ms();
    let body = json!({
        "transaction_id": format!("shop_pay_{id}_{now_ms}"),
        "amount_cents": PRICE_CENTS,
        "currency": "USD",
        "customer_key": payment.customer_key,
        "click_id": payment.click_id,
    });
    report(&service, ApiCall::Sale, &body).await
}

#[derive(Deserialize)]
struct RefundForm {
    transaction_id: String,
}

async fn refund(Shared(service): Shared<Arc<Service>>, Json(form): Json<RefundForm>) -> Response {
    report(&service, ApiCall::Refund, &json!({ "transaction_id": form.transaction_id })).await
}

/// Makes a call with the first program's key and returns its response, with the transaction id in a header.
async fn report(service: &Service, call: ApiCall, body: &Value) -> Response {
    let Some(endpoint) = ENDPOINTS.iter().find(|endpoint| endpoint.call == Some(call)) else {
        return Reply::not_found("Not Found").into_response(Into::into);
    };
    let key = service.lock().state.programs.first().map(|program| format!("Bearer {}", program.api_key.0));
    let sent = body.to_string();
    let served = service.serve(
        endpoint,
        RequestLine { method: "POST", path: endpoint.path },
        Call {
            now_ms: 0,
            authorization: key.as_deref().map(str::as_bytes),
            user_agent: None,
            program: "",
            query: "",
            body: Fields::parse(sent.as_bytes()),
        },
    );
    let mut response = respond(served).await;
    if let Some(id) = body["transaction_id"].as_str().and_then(|id| id.parse().ok()) {
        response.headers_mut().insert("x-transaction-id", id);
    }
    response
}
