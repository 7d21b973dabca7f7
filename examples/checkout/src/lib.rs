//! A checkout app: a product page, the checkout, and the payment provider's webhook, which reports sale and refund.

use std::{collections::HashMap, time::UNIX_EPOCH};

use actix_web::{HttpRequest, HttpResponse, Responder, get, http::header::ContentType, post, web};
use affitor_actix::{AffitorClient, ClickId, Client, Currency, Refund, Sale};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use url::Url;

const PRICE_CENTS: u64 = 4_900;

/// What the app is told at its start.
#[allow(missing_debug_implementations, reason = "it holds a secret")]
pub struct Shop {
    /// The payment provider's pay page.
    pub pay_page: Url,
    /// With which the provider signs its webhooks.
    pub webhook_secret: String,
}

/// The routes. They need `AffitorLayer` and a `web::Data<Shop>` around them.
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

/// Sends the visitor to the provider's pay page. The metadata comes back in the webhook, with the user and the click.
#[post("/api/checkout")]
async fn check_out(
    shop: web::Data<Shop>,
    affitor: AffitorClient,
    buyer: web::Either<web::Json<Buyer>, web::Form<Buyer>>,
) -> HttpResponse {
    let payment_id = format!("pay_{}", UNIX_EPOCH.elapsed().unwrap_or_default().as_micros());
    let metadata =
        affitor.stripe_metadata(buyer.into_inner().user_id).map(|metadata| metadata.for_payment().form_pairs());
    let metadata = metadata.inspect_err(|error| tracing::error!(%error, "no metadata")).unwrap_or_default();
    let mut pay_url = shop.pay_page.clone();
    pay_url
        .query_pairs_mut()
        .append_pair("id", &payment_id)
        .append_pair("amount_cents", &PRICE_CENTS.to_string())
        .append_pair("currency", "USD")
        .extend_pairs(metadata);
    HttpResponse::SeeOther()
        .insert_header(("location", pay_url.as_str()))
        .json(serde_json::json!({ "paymentId": payment_id, "payUrl": pay_url.as_str() }))
}

/// What the provider says.
#[derive(Deserialize)]
#[serde(tag = "type", content = "data")]
enum Webhook {
    #[serde(rename = "payment.succeeded")]
    Succeeded { id: String, amount_cents: u64, currency: Currency, metadata: HashMap<String, String> },
    /// The amount is absent where all is given back.
    #[serde(rename = "payment.refunded")]
    Refunded { id: String, amount_cents: Option<u64> },
}

#[post("/webhooks/payment")]
async fn payment_webhook(
    shop: web::Data<Shop>,
    affitor: web::Data<Client>,
    request: HttpRequest,
    body: web::Bytes,
) -> impl Responder {
    let signature = request.headers().get("x-signature").and_then(|value| value.to_str().ok());
    if !signature.is_some_and(|signature| is_signed(&shop.webhook_secret, &body, signature)) {
        return HttpResponse::BadRequest().body("wrong signature");
    }
    let webhook = serde_json::from_slice(&body);
    let partial = matches!(webhook, Ok(Webhook::Refunded { amount_cents: Some(_), .. }));
    let tracked = match webhook {
        Ok(Webhook::Succeeded { id, amount_cents, currency, metadata }) => {
            let sale = Sale::new(id, amount_cents, currency)
                .customer_key(metadata.get("affitor_customer_key").map_or("", String::as_str))
                .click_id(metadata.get("affitor_click_id").and_then(|id| ClickId::new(id).ok()));
            affitor.track_sale(sale).await.map(|outcome| tracing::info!(?outcome, "sale"))
        }
        Ok(Webhook::Refunded { id, amount_cents }) => {
            let refund = amount_cents.map_or_else(|| Refund::full(&id), |amount| Refund::partial(&id, amount));
            affitor.track_refund(refund).await.map(|outcome| tracing::info!(?outcome, "refund"))
        }
        Err(error) => return HttpResponse::BadRequest().body(error.to_string()),
    };
    match tracked {
        Ok(()) => HttpResponse::Ok().finish(),
        // The provider delivers again what is answered with 5xx, for days: worth it for all that may be mended by then, a
        // wrong key or URL included. Repeats are fine for sales; a shop with partial refunds remembers their ids.
        Err(error) => {
            tracing::error!(%error, "payment not tracked");
            let hopeless = error.is_invalid() || error.status() == Some(400) || (partial && error.may_have_arrived());
            if hopeless { HttpResponse::Ok().finish() } else { HttpResponse::ServiceUnavailable().finish() }
        }
    }
}

/// How the provider signs a webhook: HMAC-SHA256 of the body, as hex.
pub fn sign(secret: &str, body: &[u8]) -> String {
    hex::encode(hmac(secret, body).finalize().into_bytes())
}

fn is_signed(secret: &str, body: &[u8], signature: &str) -> bool {
    !secret.is_empty()
        && hex::decode(signature).is_ok_and(|signature| hmac(secret, body).verify_slice(&signature).is_ok())
}

fn hmac(secret: &str, body: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length").chain_update(body)
}
