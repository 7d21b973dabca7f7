//! The shop in axum.

use std::{net::TcpListener, sync::Arc};

use affitor_axum::{
    AffitorClient, AffitorLayer, ClickCaptureLayer, PaymentEvent, Redeliver,
    payments::{Stripe, Webhook},
};
use axum::{
    Form, Json, RequestExt as _, Router,
    extract::{FromRef, Query, RawQuery, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;

use super::{
    AnyError, Fault,
    checkout::Order,
    page::{Page, to_app_host, without_click_id},
    shop::Shop,
    sign_up::SignUp,
    social::Callback,
};

#[derive(Clone)]
struct AppState(Arc<Shop>);

impl FromRef<AppState> for Webhook<Stripe> {
    fn from_ref(AppState(shop): &AppState) -> Self {
        shop.webhook.clone()
    }
}

pub(super) async fn serve(listener: TcpListener, shop: Shop) -> Result<(), AnyError> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    Ok(axum::serve(listener, app(Arc::new(shop))).await?)
}

fn app(shop: Arc<Shop>) -> Router {
    let payment = match shop.fault {
        Some(Fault::ParsedBody | Fault::SignatureDropped) => post(parsed_payment),
        Some(Fault::Unverified) => post(unverified_payment),
        Some(Fault::WebhookUnauthorized) => post(async || StatusCode::UNAUTHORIZED),
        Some(Fault::WebhookLogIn) => post(async || Page::log_in()),
        _ => post(payment),
    };
    let app = Router::new()
        .route("/", get(landing))
        .route("/account", get(account))
        .route("/thanks", get(thanks))
        .route("/checkout", post(check_out))
        .route("/auth/login", get(log_in))
        .route("/auth/callback", get(logged_in))
        .route("/webhooks/stripe", payment);
    let layer = || AffitorLayer::new(shop.client.clone());
    let sign_up = get(sign_up_form).post(sign_up);
    let app = match shop.fault {
        Some(Fault::NoLayer) => app.route("/signup", sign_up),
        // The mistake: a layer is around the routes that were added before it.
        Some(Fault::LayerBeforeRoute) => app.layer(layer()).route("/signup", sign_up),
        _ => app.route("/signup", sign_up).layer(layer()),
    };
    let app = if shop.captures { app.layer(ClickCaptureLayer::new(shop.capture.clone())) } else { app };
    // The mistake: the tracker's cookie stays on the host of the landing page.
    let app = if shop.has(Fault::OtherHost) { app.layer(middleware::from_fn(redirect_to_app_host)) } else { app };
    // The mistake is not in the app: a proxy before it removes the cookie.
    let app = if shop.has(Fault::CookieDropped) { app.layer(middleware::from_fn(drop_cookie)) } else { app };
    app.with_state(AppState(shop))
}

async fn drop_cookie(mut request: Request, next: Next) -> Response {
    if let Ok(cookies) = without_click_id(text(request.headers(), header::COOKIE)).parse() {
        request.headers_mut().insert(header::COOKIE, cookies);
    }
    next.run(request).await
}

async fn landing(
    State(AppState(shop)): State<AppState>,
    affitor: Option<AffitorClient>,
    headers: HeaderMap,
    uri: Uri,
) -> Page {
    let (host, cookies) = (text(&headers, header::HOST), text(&headers, header::COOKIE));
    shop.landing(affitor.as_deref(), host, &uri.to_string(), cookies)
}

async fn sign_up_form(State(AppState(shop)): State<AppState>, RawQuery(query): RawQuery, headers: HeaderMap) -> Page {
    shop.sign_up_form(query.as_deref().unwrap_or_default(), text(&headers, header::COOKIE))
}

async fn sign_up(
    State(AppState(shop)): State<AppState>,
    affitor: AffitorClient,
    headers: HeaderMap,
    request: Request,
) -> Result<Page, Response> {
    let form: SignUp = if text(&headers, header::CONTENT_TYPE).starts_with("application/json") {
        request.extract::<Json<_>, _>().await.map_err(IntoResponse::into_response)?.0
    } else {
        request.extract::<Form<_>, _>().await.map_err(IntoResponse::into_response)?.0
    };
    shop.sign_up(&affitor, text(&headers, header::COOKIE), form).await.map_err(|error| internal(&error))
}

async fn log_in(State(AppState(shop)): State<AppState>, headers: HeaderMap) -> Result<Page, Response> {
    shop.log_in(text(&headers, header::HOST)).await.map_err(|error| internal(&error))
}

async fn logged_in(
    State(AppState(shop)): State<AppState>,
    affitor: AffitorClient,
    Query(callback): Query<Callback>,
) -> Result<Page, Response> {
    shop.logged_in(&affitor, callback).await.map_err(|error| internal(&error))
}

async fn account(State(AppState(shop)): State<AppState>, headers: HeaderMap) -> Page {
    shop.account(text(&headers, header::COOKIE))
}

async fn check_out(
    State(AppState(shop)): State<AppState>,
    affitor: AffitorClient,
    headers: HeaderMap,
    Query(order): Query<Order>,
) -> Result<Page, Response> {
    shop.check_out(&affitor, text(&headers, header::HOST), text(&headers, header::COOKIE), order)
        .await
        .map_err(|error| internal(&error))
}

async fn payment(
    State(AppState(shop)): State<AppState>,
    affitor: AffitorClient,
    event: PaymentEvent<Stripe>,
) -> Result<(), Redeliver> {
    Ok(shop.pay(&affitor, &event).await?)
}

async fn parsed_payment(
    State(AppState(shop)): State<AppState>,
    affitor: AffitorClient,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<(), Response> {
    // The mistake, with the fault `signature-dropped`: there is no signature.
    let has_signature = !shop.has(Fault::SignatureDropped);
    let header = |name: &str| headers.get(name).filter(|_| has_signature).map(header::HeaderValue::as_bytes);
    let event = shop.verify_parsed(header, &body);
    let event = event.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()).into_response())?;
    shop.pay(&affitor, &event).await.map_err(|error| Redeliver(error).into_response())
}

async fn unverified_payment(
    State(AppState(shop)): State<AppState>,
    affitor: AffitorClient,
    body: String,
) -> Result<(), Response> {
    let event = shop.unverified(&body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()).into_response())?;
    shop.pay(&affitor, &event).await.map_err(|error| Redeliver(error).into_response())
}

async fn thanks(
    State(AppState(shop)): State<AppState>,
    affitor: AffitorClient,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Page, Response> {
    let (session, cookies) = (query.unwrap_or_default(), text(&headers, header::COOKIE));
    shop.thanks(&affitor, &session, cookies).await.map_err(|error| internal(&error))
}

async fn redirect_to_app_host(request: Request, next: Next) -> Response {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    match to_app_host(text(request.headers(), header::HOST), target) {
        Some(moved) => moved.into_response(),
        None => next.run(request).await,
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn internal(error: &AnyError) -> Response {
    tracing::error!(%error, "a request failed");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Html(self.html)).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, header::HeaderValue::from_static(value));
        }
        let cookies = self.cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie));
        for (name, value) in self.location.map(|location| (header::LOCATION, location)).into_iter().chain(cookies) {
            match value.parse() {
                Ok(value) => drop(response.headers_mut().append(name, value)),
                Err(error) => return internal(&error.into()),
            }
        }
        response
    }
}
