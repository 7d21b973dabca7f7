//! The apps that the README and `docs/guides/first-{lead,sale}.md` show, as they are there: each one runs as a process of its own,
//! and a visitor signs up and buys.

mod lead_actix;
mod lead_axum;
mod lead_hyper;
mod process;
mod sale_actix;
mod sale_axum;
mod sale_hyper;
mod stripe;
mod stripe_api;

use std::time::SystemTime;

use affitor_payments::{Stripe, StripeReporter, Webhook};
use affitor_sandbox::Sandbox;
use serde_json::json;

use crate::guide_apps::{
    process::{App, landing_click},
    stripe_api::StripeApi,
};

const SECRET: &str = "whsec_0123456789";

/// Reads the form of the page, and signs up with the click id in a cookie. Returns the response's own cookie.
async fn sign_up(app: &App, sandbox: &Sandbox) -> Option<String> {
    let page = app.get("/").await.text().await.unwrap();
    assert!(page.contains(&format!("{}/js/affitor-tracker.js", sandbox.url())), "{page}");
    assert!(page.contains(r#"data-affitor-program-id="42""#), "{page}");

    let cookie = format!("affitor_click_id={}", landing_click(sandbox).await);
    let form = [("name", "jo"), ("email", "jo@example.com")];
    let response = app.post("/signup", &cookie, &form).await;
    assert_eq!(response.status(), 200);
    let lead = sandbox.wait_for(|state| state.leads.len() == 1).await.unwrap().leads[0].clone();
    assert_eq!(lead.customer_key.as_deref(), Some("user_jo"));
    assert!(lead.click_id.is_some(), "{lead:?}");
    let session = response.headers().get("set-cookie")?.to_str().unwrap();
    Some(format!("{}; {cookie}", session.split(';').next()?))
}

async fn a_sign_up_is_a_lead(name: &str) {
    let sandbox = Sandbox::start().await.unwrap();
    let app = App::start(name, &sandbox, &[]).await;
    sign_up(&app, &sandbox).await;
}

async fn a_payment_is_a_sale(name: &str) {
    let sandbox = Sandbox::start().await.unwrap();
    let api = StripeApi::start().await;
    let variables =
        [("STRIPE_API_URL", api.url()), ("STRIPE_WEBHOOK_SECRET", SECRET), ("AFFITOR_STRIPE_REPORTER", "app")];
    let app = App::start(name, &sandbox, &variables).await;
    let cookies = sign_up(&app, &sandbox).await.expect("a session");

    let response = app.post("/checkout", &cookies, &[]).await;
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "https://checkout.stripe.example/cs_1");
    let metadata = api.metadata();
    assert_eq!(metadata["affitor_customer_key"], "user_jo");

    let created = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let body = json!({ "id": "evt_1", "type": "checkout.session.completed", "created": created, "livemode": true,
        "data": { "object": { "id": "cs_1", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_1",
        "amount_total": 4_900, "currency": "usd", "metadata": metadata } } })
    .to_string();
    assert_eq!(app.webhook("/webhooks/stripe", body.clone(), "t=1,v1=00").await, 400);
    let headers =
        Webhook::<Stripe>::new(SECRET, StripeReporter::App).unwrap().sign("evt_1", body.as_bytes(), SystemTime::now());
    assert_eq!(app.webhook("/webhooks/stripe", body, &headers["stripe-signature"]).await, 200);

    let sale = sandbox.wait_for(|state| state.sales.len() == 1).await.unwrap().sales.remove(0);
    assert_eq!(sale.transaction_id, "pi_1");
    assert_eq!(sandbox.commissions()[0].amount_cents, 980);
}

#[tokio::test]
async fn lead_in_axum() {
    a_sign_up_is_a_lead("lead_axum").await;
}

#[tokio::test]
async fn lead_in_actix_web() {
    a_sign_up_is_a_lead("lead_actix").await;
}

#[tokio::test]
async fn lead_on_hyper() {
    a_sign_up_is_a_lead("lead_hyper").await;
}

#[tokio::test]
async fn sale_in_axum() {
    a_payment_is_a_sale("sale_axum").await;
}

#[tokio::test]
async fn sale_in_actix_web() {
    a_payment_is_a_sale("sale_actix").await;
}

#[tokio::test]
async fn sale_on_hyper() {
    a_payment_is_a_sale("sale_hyper").await;
}

/// Serves the app that [`App::start`] names. Without a name, there is nothing to test.
#[test]
fn serve() {
    let Ok(name) = std::env::var(process::NAME) else { return };
    match name.as_str() {
        "lead_axum" => lead_axum::main().unwrap(),
        "lead_actix" => lead_actix::main().unwrap(),
        "lead_hyper" => lead_hyper::main().unwrap(),
        "sale_axum" => sale_axum::main().unwrap(),
        "sale_actix" => sale_actix::main().unwrap(),
        "sale_hyper" => sale_hyper::main().unwrap(),
        name => panic!("there is no app {name}"),
    }
}

#[test]
fn the_texts_show_these_apps() {
    let readme = include_str!("../../../../README.md");
    let lead = include_str!("../../../../docs/guides/first-lead.md");
    let sale = include_str!("../../../../docs/guides/first-sale.md");
    for (name, text, source) in [
        ("README.md", readme, include_str!("lead_axum.rs")),
        ("README.md", readme, include_str!("lead_actix.rs")),
        ("first-lead.md", lead, include_str!("lead_axum.rs")),
        ("first-lead.md", lead, include_str!("lead_actix.rs")),
        ("first-lead.md", lead, include_str!("lead_hyper.rs")),
        ("first-sale.md", sale, include_str!("stripe.rs")),
        ("first-sale.md", sale, include_str!("sale_axum.rs")),
        ("first-sale.md", sale, include_str!("sale_actix.rs")),
        ("first-sale.md", sale, include_str!("sale_hyper.rs")),
    ] {
        let source = source.replace("\r\n", "\n").replace("use super::stripe;", "mod stripe;");
        let source = source.replace("pub(crate) async fn main", "async fn main");
        let (_first_line, program) = source.split_once("\n\n").unwrap();
        assert!(text.replace("\r\n", "\n").contains(program), "{name} shows another version of:\n{program}");
    }
}
