//! A sale in actix-web.

use super::stripe;

use std::{env, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    error::{ErrorBadGateway, ErrorUnauthorized},
    get, post, web,
};
use affitor_actix::{
    AffitorClient, AffitorLayer, Client, Lead, PaymentEvent, Redeliver,
    payments::{Stripe, Webhook},
};
use affitor_outbox::{Outbox, sqlx::Sqlite};

const FORM: &str = r#"<form method="post" action="/signup">
<input name="name"> <input name="email"> <button>Sign up</button></form>"#;
const BUY: &str = r#"<form method="post" action="/checkout"><button>Buy the plan</button></form>"#;

#[get("/")]
async fn page(affitor: AffitorClient) -> web::Html {
    let script = affitor.script_tag().to_string();
    web::Html::new(script + FORM)
}

#[derive(serde::Deserialize)]
struct SignUp {
    name: String,
    email: String,
}

#[post("/signup")]
async fn sign_up(affitor: AffitorClient, form: web::Form<SignUp>) -> HttpResponse {
    let user_id = format!("user_{}", form.name);
    affitor.enqueue(Lead::new(&user_id).email(&form.email));
    // Use a real session: anyone can forge this cookie.
    let session = ("set-cookie", format!("user={user_id}; HttpOnly; SameSite=Lax"));
    HttpResponse::Ok().insert_header(session).content_type("text/html").body(BUY)
}

#[post("/checkout")]
async fn check_out(affitor: AffitorClient, request: HttpRequest) -> actix_web::Result<HttpResponse> {
    let cookies = request.headers().get("cookie").and_then(|cookies| cookies.to_str().ok()).unwrap_or_default();
    let user_id = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("user="));
    let user_id = user_id.ok_or_else(|| ErrorUnauthorized("sign up first"))?;
    // The webhook has no cookie, so the ids travel in the payment's metadata. The user id is that of the lead.
    let metadata = affitor.stripe_metadata(user_id).for_payment().form_pairs();
    let url = stripe::payment_page(metadata).await;
    let url = url.map_err(|_| ErrorBadGateway("payments are unavailable at the moment"))?;
    Ok(HttpResponse::SeeOther().insert_header(("location", url)).finish())
}

// Stripe gets a 200 whatever Affitor does: the payment is in the ledger, which reports it as soon as possible.
#[post("/webhooks/stripe")]
async fn paid(outbox: web::Data<Outbox<Sqlite>>, event: PaymentEvent<Stripe>) -> Result<HttpResponse, Redeliver> {
    outbox.record_payment_alone(&event).await?;
    Ok(HttpResponse::Ok().finish())
}

#[actix_web::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init(); // what goes wrong is logged
    // Created outside the factory and cloned inside it: the ledger, and delivery from it. `client()` delivers leads from there too.
    let delivery = Outbox::sqlite_file("affitor.sqlite3").start(Client::from_env()?).await?;
    let outbox = web::Data::new(delivery.outbox().clone());
    let webhook = Webhook::<Stripe>::from_env()?; // STRIPE_WEBHOOK_SECRET, AFFITOR_STRIPE_REPORTER
    let layer = AffitorLayer::new(delivery.client().clone());
    let app = move || {
        let app = App::new().wrap(layer.clone()).app_data(webhook.clone()).app_data(outbox.clone());
        app.service(page).service(sign_up).service(check_out).service(paid)
    };
    let address = format!("127.0.0.1:{}", env::var("PORT").as_deref().unwrap_or("3000"));
    println!("http://{address}");
    HttpServer::new(app).bind(address)?.run().await?;
    delivery.shutdown(Duration::from_secs(8)).await; // on Ctrl-C, what remains is kept
    Ok(())
}
