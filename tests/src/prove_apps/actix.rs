//! The shop in actix-web.

use std::{net::TcpListener, sync::Arc};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, Responder,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::{ErrorBadRequest, ErrorInternalServerError},
    http::{StatusCode, header},
    middleware::{Condition, Next, from_fn},
    web,
};
use affitor_actix::{AffitorClient, AffitorLayer, ClickCaptureLayer, PaymentEvent, Redeliver, payments::Stripe};
use serde_json::Value;

use super::{
    AnyError, Fault,
    checkout::Order,
    page::{Page, to_app_host, without_click_id},
    shop::Shop,
    sign_up::SignUp,
    social::Callback,
};

pub(super) async fn serve(listener: TcpListener, shop: Shop) -> Result<(), AnyError> {
    let shop = Arc::new(shop);
    let server = HttpServer::new(move || {
        let shop = Arc::clone(&shop);
        App::new()
            .wrap(Condition::new(shop.captures, ClickCaptureLayer::new(shop.capture.clone())))
            // The mistake: the tracker's cookie stays on the host of the landing page.
            .wrap(Condition::new(shop.has(Fault::OtherHost), from_fn(redirect_to_app_host)))
            // The mistake is not in the app: a proxy before it removes the cookie.
            .wrap(Condition::new(shop.has(Fault::CookieDropped), from_fn(drop_cookie)))
            .app_data(shop.webhook.clone())
            .app_data(web::Data::from(Arc::clone(&shop)))
            .configure(|config| routes(config, &shop))
    });
    Ok(server.workers(1).disable_signals().listen(listener)?.run().await?)
}

fn routes(config: &mut web::ServiceConfig, shop: &Shop) {
    let sign_up = || web::resource("/signup").route(web::get().to(sign_up_form)).route(web::post().to(sign_up));
    let payment = match shop.fault {
        Some(Fault::ParsedBody | Fault::SignatureDropped) => web::post().to(parsed_payment),
        Some(Fault::Unverified) => web::post().to(unverified_payment),
        Some(Fault::WebhookUnauthorized) => web::post().to(HttpResponse::Unauthorized),
        Some(Fault::WebhookLogIn) => web::post().to(async || Page::log_in()),
        _ => web::post().to(payment),
    };
    let others = web::scope("")
        .route("/", web::get().to(landing))
        .route("/account", web::get().to(account))
        .route("/thanks", web::get().to(thanks))
        .route("/checkout", web::post().to(check_out))
        .route("/auth/login", web::get().to(log_in))
        .route("/auth/callback", web::get().to(logged_in))
        .route("/webhooks/stripe", payment);
    let layer = || AffitorLayer::new(shop.client.clone());
    match shop.fault {
        // The mistake: no middleware.
        Some(Fault::NoLayer) => config.service(others.service(sign_up())),
        // The mistake: the middleware is around a scope, and the sign-up is outside of it.
        Some(Fault::LayerBeforeRoute) => config.service(sign_up()).service(others.wrap(layer())),
        _ => config.service(others.service(sign_up()).wrap(layer())),
    };
}

async fn landing(shop: web::Data<Shop>, affitor: Option<AffitorClient>, request: HttpRequest) -> Page {
    let uri = request.uri().to_string();
    let (host, cookies) = (text(request.headers(), header::HOST), text(request.headers(), header::COOKIE));
    shop.landing(affitor.as_deref(), host, &uri, cookies)
}

async fn sign_up_form(shop: web::Data<Shop>, request: HttpRequest) -> Page {
    shop.sign_up_form(request.query_string(), text(request.headers(), header::COOKIE))
}

async fn sign_up(
    shop: web::Data<Shop>,
    affitor: AffitorClient,
    request: HttpRequest,
    form: web::Either<web::Form<SignUp>, web::Json<SignUp>>,
) -> actix_web::Result<Page> {
    let cookies = text(request.headers(), header::COOKIE);
    shop.sign_up(&affitor, cookies, form.into_inner()).await.map_err(|error| internal(&error))
}

async fn log_in(shop: web::Data<Shop>, request: HttpRequest) -> actix_web::Result<Page> {
    shop.log_in(text(request.headers(), header::HOST)).await.map_err(|error| internal(&error))
}

async fn logged_in(
    shop: web::Data<Shop>,
    affitor: AffitorClient,
    callback: web::Query<Callback>,
) -> actix_web::Result<Page> {
    shop.logged_in(&affitor, callback.into_inner()).await.map_err(|error| internal(&error))
}

async fn account(shop: web::Data<Shop>, request: HttpRequest) -> Page {
    shop.account(text(request.headers(), header::COOKIE))
}

async fn check_out(
    shop: web::Data<Shop>,
    affitor: AffitorClient,
    request: HttpRequest,
    order: web::Query<Order>,
) -> actix_web::Result<Page> {
    let (host, cookies) = (text(request.headers(), header::HOST), text(request.headers(), header::COOKIE));
    shop.check_out(&affitor, host, cookies, order.into_inner()).await.map_err(|error| internal(&error))
}

async fn payment(
    shop: web::Data<Shop>,
    affitor: AffitorClient,
    event: PaymentEvent<Stripe>,
) -> Result<HttpResponse, Redeliver> {
    shop.pay(&affitor, &event).await?;
    Ok(HttpResponse::Ok().finish())
}

async fn parsed_payment(
    shop: web::Data<Shop>,
    affitor: AffitorClient,
    request: HttpRequest,
    body: web::Json<Value>,
) -> actix_web::Result<HttpResponse> {
    // The mistake, with the fault `signature-dropped`: there is no signature.
    let has_signature = !shop.has(Fault::SignatureDropped);
    let header = |name: &str| request.headers().get(name).filter(|_| has_signature).map(header::HeaderValue::as_bytes);
    let event = shop.verify_parsed(header, &body).map_err(|error| ErrorBadRequest(error.to_string()))?;
    shop.pay(&affitor, &event).await.map_err(Redeliver)?;
    Ok(HttpResponse::Ok().finish())
}

async fn unverified_payment(
    shop: web::Data<Shop>,
    affitor: AffitorClient,
    body: String,
) -> actix_web::Result<HttpResponse> {
    let event = shop.unverified(&body).map_err(|error| ErrorBadRequest(error.to_string()))?;
    shop.pay(&affitor, &event).await.map_err(Redeliver)?;
    Ok(HttpResponse::Ok().finish())
}

async fn thanks(shop: web::Data<Shop>, affitor: AffitorClient, request: HttpRequest) -> actix_web::Result<Page> {
    let cookies = text(request.headers(), header::COOKIE);
    shop.thanks(&affitor, request.query_string(), cookies).await.map_err(|error| internal(&error))
}

async fn drop_cookie(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> actix_web::Result<ServiceResponse<impl MessageBody>> {
    if let Ok(cookies) = without_click_id(text(request.headers(), header::COOKIE)).parse() {
        request.headers_mut().insert(header::COOKIE, cookies);
    }
    next.call(request).await
}

async fn redirect_to_app_host(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> actix_web::Result<ServiceResponse<BoxBody>> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    match to_app_host(text(request.headers(), header::HOST), target) {
        Some(moved) => {
            let response = moved.respond_to(request.request());
            Ok(request.into_response(response))
        }
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

fn text(headers: &header::HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn internal(error: &AnyError) -> actix_web::Error {
    tracing::error!(%error, "a request failed");
    ErrorInternalServerError("")
}

impl Responder for Page {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response.content_type(header::ContentType::html());
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        for header in self.headers {
            response.insert_header(header);
        }
        for cookie in self.cookies {
            response.append_header((header::SET_COOKIE, cookie));
        }
        response.body(self.html)
    }
}
