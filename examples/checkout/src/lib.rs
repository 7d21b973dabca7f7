//! A checkout app: a product page, a checkout with Stripe, and the handler of Stripe's webhook, which reports sales and
//! refunds.

pub mod provider;

use actix_web::{
    HttpRequest, HttpResponse, Responder, get,
    http::header::{COOKIE, ContentType},
    post, web,
};
use affitor_actix::{
    AffitorClient, PaymentEvent, Redeliver,
    payments::Stripe,
    reqwest::{self, header::CONTENT_TYPE},
};
use serde::Deserialize;
use url::{Url, form_urlencoded};

/// Configuration of the app.
#[allow(missing_debug_implementations, reason = "it contains a secret")]
pub struct Shop {
    /// URL of Stripe's API, or of the stand-in in [`provider`].
    pub stripe_url: Url,
    /// Stripe's secret key, `sk_…`.
    pub stripe_key: String,
    /// HTTP client for the calls to Stripe.
    pub http: reqwest::Client,
}

/// The routes. They require `AffitorLayer`, a `web::Data<Shop>` and a `Webhook<Stripe>`.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(page).service(check_out).service(payment_webhook);
}

#[get("/")]
async fn page(request: HttpRequest) -> impl Responder {
    let text = include_str!("page.html").replace("{user_id}", signed_up_user(&request).unwrap_or_default());
    HttpResponse::Ok().content_type(ContentType::html()).body(text)
}

/// Returns the user from the sign-up app's cookie. A real shop would have a session instead.
fn signed_up_user(request: &HttpRequest) -> Option<&str> {
    let cookies = request.headers().get(COOKIE)?.to_str().ok()?;
    let user_id = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("demo_user="))?;
    // It is inserted into the page.
    user_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(user_id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Buyer {
    user_id: String,
}

/// Sends the visitor to Stripe's payment page. Stripe returns the metadata in the webhook: the user id and the click id.
#[post("/api/checkout")]
async fn check_out(
    shop: web::Data<Shop>,
    affitor: AffitorClient,
    buyer: web::Either<web::Json<Buyer>, web::Form<Buyer>>,
) -> HttpResponse {
    let user_id = buyer.into_inner().user_id;
    let metadata = affitor.stripe_metadata(&user_id).map(|metadata| metadata.for_payment().form_pairs());
    let metadata = metadata
        .inspect_err(|error| tracing::error!(%error, "the payment will have no Affitor metadata"))
        .unwrap_or_default();
    match create_session(&shop, &user_id, metadata).await {
        Ok(Session { url }) => HttpResponse::SeeOther()
            .insert_header(("location", url.as_str()))
            .json(serde_json::json!({ "payUrl": url.as_str() })),
        Err(error) => {
            tracing::error!(%error, "the checkout session could not be created");
            HttpResponse::BadGateway().body("payments are unavailable at the moment")
        }
    }
}

#[derive(Deserialize)]
struct Session {
    url: String,
}

/// Calls Stripe's `POST /v1/checkout/sessions`.
async fn create_session(
    shop: &Shop,
    user_id: &str,
    metadata: Vec<(String, String)>,
) -> Result<Session, Box<dyn std::error::Error>> {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("mode", "payment"),
            ("client_reference_id", user_id),
            ("success_url", "http://127.0.0.1:3001/"),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", "usd"),
            ("line_items[0][price_data][unit_amount]", "4900"),
            ("line_items[0][price_data][product_data][name]", "The plan"),
        ])
        .extend_pairs(metadata)
        .finish();
    let request = shop.http.post(shop.stripe_url.join("v1/checkout/sessions")?).bearer_auth(&shop.stripe_key);
    let response = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form).send().await?;
    Ok(serde_json::from_slice(&response.error_for_status()?.bytes().await?)?)
}

/// Handles a payment. The shop's own work comes first and must be done once per event. Then one line reports the payment. If
/// that fails and redelivery can help, the response is 503, and Stripe redelivers the webhook.
#[post("/webhooks/stripe")]
async fn payment_webhook(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<impl Responder, Redeliver> {
    tracing::info!(?event, "a real shop would fulfil the order here");
    let outcome = event.track(&affitor).await?;
    tracing::info!(?outcome, "payment webhook handled");
    Ok(HttpResponse::Ok())
}
