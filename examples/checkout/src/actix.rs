//! The app on actix-web.

use actix_web::{HttpResponse, Responder, get, http::header::LOCATION, post, web};
use affitor_actix::{AffitorClient, PaymentEvent, Redeliver, payments::Stripe};
use session::User;

use crate::{PAGE, Shop};

/// The routes and their data. They require an `AffitorLayer`.
pub fn configure(shop: Shop) -> impl FnOnce(&mut web::ServiceConfig) {
    |config| {
        config.app_data(shop.sessions.clone()).app_data(shop.webhook.clone()).app_data(web::Data::new(shop));
        config.service(page).service(check_out).service(payment_webhook);
    }
}

#[get("/")]
async fn page() -> impl Responder {
    web::Html::new(PAGE)
}

/// Sends the user to Stripe's payment page. Stripe returns the metadata in the webhook: the user id and the click id.
#[post("/api/checkout")]
async fn check_out(shop: web::Data<Shop>, User(user_id): User, affitor: AffitorClient) -> HttpResponse {
    let metadata = affitor.stripe_metadata(&user_id).for_payment().form_pairs();
    match shop.stripe.payment_page(&user_id, metadata).await {
        Ok(url) => HttpResponse::SeeOther().insert_header((LOCATION, url.as_str())).finish(),
        Err(error) => {
            tracing::error!(%error, "the checkout session could not be created");
            HttpResponse::BadGateway().body("payments are unavailable at the moment")
        }
    }
}

/// The shop's own work comes first, and is done once per payment, however often Stripe delivers the webhook. If the payment can't be
/// reported, the response is 503, and Stripe redelivers it.
#[post("/webhooks/stripe")]
async fn payment_webhook(
    shop: web::Data<Shop>,
    affitor: AffitorClient,
    event: PaymentEvent<Stripe>,
) -> Result<HttpResponse, Redeliver> {
    shop.orders.fulfil_once(&event);

    let outcome = event.track(&affitor).await?;
    tracing::info!(%outcome, "payment webhook handled");
    Ok(HttpResponse::Ok().finish())
}
