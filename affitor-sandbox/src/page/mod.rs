//! The sandbox's page: the history of each visitor and partner, live. It is rendered here; a script fetches it again after each
//! change.

mod begin;
mod consent;
mod layout;
mod now;
mod partners;
mod parts;
mod problems;
mod shop;
mod story;
mod text;
mod tiles;
mod visitors;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State as Shared},
    http::{
        HeaderMap, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use maud::Markup;
use story::{Filter, Story};

use crate::{http::base_url, service::Service};

/// The page itself.
pub(crate) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/", get(page))
}

/// What the page fetches, and the shop. Nested under `/_sandbox`.
pub(crate) fn asset_routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/story", get(fragment))
        .route("/consent", get(consent::consent))
        .route("/page.css", get(async || asset("text/css; charset=utf-8", include_str!("page.css"))))
        .route("/page.js", get(async || asset("text/javascript; charset=utf-8", include_str!("page.js"))))
        .merge(shop::routes())
}

async fn page(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> impl IntoResponse {
    html_response(&layout::page(&story(&service, filter), &base_url(&headers)))
}

async fn fragment(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> impl IntoResponse {
    html_response(&layout::story(&story(&service, filter), &base_url(&headers)))
}

fn story(service: &Service, filter: Filter) -> Story {
    let inner = service.lock();
    Story::of(&inner.state, &inner.log, inner.faults.rules(), filter)
}

fn html_response(markup: &Markup) -> Response {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                  form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, markup.0.clone()).into_response()
}

fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")], text)
}
