//! A checkout app: a product page, the checkout with Stripe, and Stripe's webhook, which reports sale and refund.

pub mod provider;

use actix_web::{HttpResponse, Responder, get, http::header::ContentType, post, web};
use affitor_actix::{
    AffitorClient, PaymentEvent, Redeliver,
    reqwest::{self, header::CONTENT_TYPE},
    webhook::Stripe,
};
use serde::Deserialize;
use url::{Url, form_urlencoded};

/// What the app is told at its start.
#[allow(missing_debug_implementations, reason = "it holds a secret")]
pub struct Shop {
    /// Stripe's API, or the stand-in for it in [`provider`].
    pub stripe_url: Url,
    /// Stripe's secret key, `sk_…`.
    pub stripe_key: String,
    /// Makes the calls to Stripe.
    pub http: reqwest::Client,
}

/// The routes. They need `AffitorLayer`, a `web::Data<Shop>` and a `Webhook<Stripe>` around them.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(page).service(check_out).service(payment_webhook);
}

#[get("/")]
async fn page() -> impl Responder {
    HttpResponse::Ok().content_type(ContentType::html()).body(include_str!("page.html"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Buyer {
    user_id: String,
}

/// Sends the visitor to Stripe's pay page. The metadata comes back in the webhook, with the user and the click.
#[post("/api/checkout")]
async fn check_out(
    shop: web::Data<Shop>,
    affitor: AffitorClient,
    buyer: web::Either<web::Json<Buyer>, web::Form<Buyer>>,
) -> HttpResponse {
    let user_id = buyer.into_inner().user_id;
    let metadata = affitor.stripe_metadata(&user_id).map(|metadata| metadata.for_payment().form_pairs());
    let metadata = metadata.inspect_err(|error| tracing::error!(%error, "no metadata")).unwrap_or_default();
    match create_session(&shop, &user_id, metadata).await {
        Ok(Session { url }) => HttpResponse::SeeOther()
            .insert_header(("location", url.as_str()))
            .json(serde_json::json!({ "payUrl": url.as_str() })),
        Err(error) => {
            tracing::error!(%error, "no checkout session");
            HttpResponse::BadGateway().body("payments are not possible at the moment")
        }
    }
}

#[derive(Deserialize)]
struct Session {
    url: String,
}

/// `POST /v1/checkout/sessions`, as Stripe documents it.
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
    let answer = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form).send().await?;
    Ok(serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?)
}

/// The shop's own work comes first, and once for each event; then the one line that reports the payment. What can be mended is
/// answered with 503, and Stripe delivers it again.
#[post("/webhooks/stripe")]
async fn payment_webhook(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<impl Responder, Redeliver> {
    tracing::info!(?event, "a shop would hand over the plan here");
    let outcome = affitor.track_payment(&event).await?;
    tracing::info!(?outcome, "reported");
    Ok(HttpResponse::Ok())
}
