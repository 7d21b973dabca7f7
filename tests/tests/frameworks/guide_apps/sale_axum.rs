//! A sale in axum.

use super::stripe;

use std::{env, time::Duration};

use affitor_axum::{
    AffitorClient, AffitorLayer, Client, Lead, PaymentEvent, Redeliver,
    payments::{Stripe, Webhook},
    shutdown_signal, until_shutdown,
};
use affitor_outbox::{Outbox, sqlx::Sqlite};
use axum::{
    Extension, Form, Router,
    http::{HeaderMap, StatusCode, header::SET_COOKIE},
    response::{Html, IntoResponse, Redirect},
    routing::{get, post},
};

const FORM: &str = r#"<form method="post" action="/signup">
<input name="name"> <input name="email"> <button>Sign up</button></form>"#;
const BUY: &str = r#"<form method="post" action="/checkout"><button>Buy the plan</button></form>"#;

async fn page(affitor: AffitorClient) -> Html<String> {
    let script = affitor.script_tag().to_string();
    Html(script + FORM)
}

#[derive(serde::Deserialize)]
struct SignUp {
    name: String,
    email: String,
}

async fn sign_up(affitor: AffitorClient, Form(form): Form<SignUp>) -> impl IntoResponse {
    let user_id = format!("user_{}", form.name);
    affitor.enqueue(Lead::new(&user_id).email(&form.email));
    // Use a real session: anyone can forge this cookie.
    ([(SET_COOKIE, format!("user={user_id}; HttpOnly; SameSite=Lax"))], Html(BUY))
}

async fn check_out(affitor: AffitorClient, headers: HeaderMap) -> Result<Redirect, StatusCode> {
    let cookies = headers.get("cookie").and_then(|cookies| cookies.to_str().ok()).unwrap_or_default();
    let user_id = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("user="));
    let user_id = user_id.ok_or(StatusCode::UNAUTHORIZED)?;
    // The webhook has no cookie, so the ids travel in the payment's metadata. The user id is that of the lead.
    let metadata = affitor.stripe_metadata(user_id).for_payment().form_pairs();
    let url = stripe::payment_page(metadata).await;
    Ok(Redirect::to(&url.map_err(|_| StatusCode::BAD_GATEWAY)?))
}

// Stripe gets a 200 whatever Affitor does: the payment is in the ledger, which reports it as soon as possible.
async fn paid(Extension(outbox): Extension<Outbox<Sqlite>>, event: PaymentEvent<Stripe>) -> Result<(), Redeliver> {
    outbox.record_payment_alone(&event).await?;
    Ok(())
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init(); // what goes wrong is logged
    // The ledger, and delivery from it. `client()` delivers leads from there too.
    let delivery = Outbox::sqlite_file("affitor.sqlite3").start(Client::from_env()?).await?;
    let app = Router::new()
        .route("/", get(page))
        .route("/signup", post(sign_up))
        .route("/checkout", post(check_out))
        .route("/webhooks/stripe", post(paid))
        .layer(AffitorLayer::new(delivery.client().clone()))
        .layer(Extension(delivery.outbox().clone()))
        .with_state(Webhook::<Stripe>::from_env()?); // STRIPE_WEBHOOK_SECRET, AFFITOR_STRIPE_REPORTER
    let address = format!("127.0.0.1:{}", env::var("PORT").as_deref().unwrap_or("3000"));
    println!("http://{address}");
    let listener = tokio::net::TcpListener::bind(address).await?;
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());
    until_shutdown(server, delivery.client(), Duration::from_secs(8)).await?; // on Ctrl-C, what remains is kept
    Ok(())
}
