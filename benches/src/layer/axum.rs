use std::convert::Infallible;

use affitor_axum::{AffitorLayer, AxumBody, Client};
use affitor_tower::ClickIdLayer;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Response, header::COOKIE},
    middleware::{Next, from_fn},
    routing::any,
};
use tower::{Layer, Service, layer::layer_fn};

use super::request::Kind;
use crate::measure::{Case, block_on};

const PATH: &str = "/api/signup";

/// A service, and the next request for it.
struct AxumCase<S> {
    service: S,
    headers: HeaderMap,
    body: &'static [u8],
    next: Option<Request>,
}

impl<S> Case for AxumCase<S>
where
    S: Service<Request, Response = Response<Body>, Error = Infallible>,
{
    fn prepare(&mut self) {
        let body = if self.body.is_empty() { Body::empty() } else { Body::from(Bytes::from_static(self.body)) };
        let mut request = Request::new(body);
        *request.method_mut() = axum::http::Method::POST;
        *request.uri_mut() = PATH.parse().expect("a path");
        *request.headers_mut() = self.headers.clone();
        self.next = Some(request);
    }

    fn serve(&mut self) {
        let request = self.next.take().expect("prepared");
        let response = block_on(self.service.call(request));
        drop(response);
    }
}

fn boxed<S>(service: S, kind: Kind) -> Option<Box<dyn Case>>
where
    S: Service<Request, Response = Response<Body>, Error = Infallible> + 'static,
{
    let headers = kind
        .headers()
        .into_iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value).expect("a value")))
        .collect();
    Some(Box::new(AxumCase { service, headers, body: kind.body(), next: None }))
}

pub(super) fn case(service: &str, kind: Kind) -> Option<Box<dyn Case>> {
    let bare = || Router::new().route(PATH, any(async || "ok"));
    let bytes = || Router::new().route(PATH, any(async |body: Bytes| body.len().to_string()));
    let affitor = || AffitorLayer::new(Client::disabled());
    // What `axum::serve` does once at its start: routes are made, and not made anew for each request.
    let ready = |router: Router| router.with_state(());
    match service {
        "axum-bare" => boxed(ready(bare()), kind),
        "axum-identity-router" => boxed(ready(bare().layer(layer_fn(Identity))), kind),
        "axum-from-fn-outer" => boxed(from_fn(by_hand).layer(ready(bare())), kind),
        "axum-from-fn-router" => boxed(ready(bare().layer(from_fn(by_hand))), kind),
        "axum-cookie-jar-outer" => boxed(from_fn(by_cookie_jar).layer(ready(bare())), kind),
        "axum-tower-cookies-outer" => {
            boxed(tower_cookies::CookieManagerLayer::new().layer(from_fn(by_tower_cookies).layer(ready(bare()))), kind)
        }
        "axum-click-id-outer" => boxed(ClickIdLayer::new().layer(ready(bare())), kind),
        "axum-click-id-router" => boxed(ready(bare().layer(ClickIdLayer::new().read_body_as::<AxumBody>())), kind),
        "axum-affitor-outer" => boxed(affitor().layer(ready(bare())), kind),
        "axum-affitor-router" => boxed(ready(bare().layer(affitor())), kind),
        "axum-bytes" => boxed(ready(bytes()), kind),
        "axum-bytes-click-id-outer" => {
            boxed(ClickIdLayer::new().read_body_as::<AxumBody>().layer(ready(bytes())), kind)
        }
        "axum-bytes-affitor-outer" => boxed(affitor().layer(ready(bytes())), kind),
        "axum-bytes-affitor-router" => boxed(ready(bytes().layer(affitor())), kind),
        "axum-json" => boxed(ready(Router::new().route(PATH, any(async |_: Json<Fields>| "ok"))), kind),
        _ => None,
    }
}

/// A layer that does nothing: what `Router::layer` itself costs.
#[derive(Clone)]
struct Identity<S>(S);

impl<S: Service<Request>> Service<Request> for Identity<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.0.call(request)
    }
}

/// What people write by hand.
#[derive(Clone)]
struct FoundByHand(#[allow(dead_code, reason = "it is what a handler would read")] String);

async fn by_hand(mut request: Request, next: Next) -> Response<Body> {
    let found = request.headers().get(COOKIE).and_then(|cookies| cookies.to_str().ok()).and_then(|cookies| {
        cookies.split(';').find_map(|pair| pair.trim().strip_prefix("affitor_click_id=").map(str::to_owned))
    });
    if let Some(found) = found {
        request.extensions_mut().insert(FoundByHand(found));
    }
    next.run(request).await
}

async fn by_cookie_jar(mut request: Request, next: Next) -> Response<Body> {
    let jar = axum_extra::extract::CookieJar::from_headers(request.headers());
    if let Some(found) = jar.get("affitor_click_id").map(|cookie| cookie.value().to_owned()) {
        request.extensions_mut().insert(FoundByHand(found));
    }
    next.run(request).await
}

async fn by_tower_cookies(mut request: Request, next: Next) -> Response<Body> {
    let found = request
        .extensions()
        .get::<tower_cookies::Cookies>()
        .and_then(|cookies| cookies.get("affitor_click_id"))
        .map(|cookie| cookie.value().to_owned());
    if let Some(found) = found {
        request.extensions_mut().insert(FoundByHand(found));
    }
    next.run(request).await
}

/// What a handler might read of the body.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only that it is read matters")]
struct Fields {
    affitor_click_id: String,
    field_0: String,
    field_29: String,
}
