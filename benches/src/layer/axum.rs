use std::convert::Infallible;

use affitor_axum::{AffitorLayer, Client, IntoAxumBody};
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
        let request = self.next.take().expect("a prepared request");
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
    // `axum::serve` does this once at the start, so that routes are not rebuilt for each request.
    let ready = |router: Router| router.with_state(());
    match service {
        "axum-bare" => boxed(ready(bare()), kind),
        "axum-identity-router" => boxed(ready(bare().layer(layer_fn(Identity))), kind),
        "axum-from-fn-outer" => boxed(from_fn(with_split).layer(ready(bare())), kind),
        "axum-from-fn-router" => boxed(ready(bare().layer(from_fn(with_split))), kind),
        "axum-cookie-jar-outer" => boxed(from_fn(with_cookie_jar).layer(ready(bare())), kind),
        "axum-tower-cookies-outer" => boxed(
            tower_cookies::CookieManagerLayer::new().layer(from_fn(with_tower_cookies).layer(ready(bare()))),
            kind,
        ),
        "axum-click-id-outer" => boxed(ClickIdLayer::new().layer(ready(bare())), kind),
        "axum-click-id-router" => boxed(ready(bare().layer(ClickIdLayer::new().read_body_as::<IntoAxumBody>())), kind),
        "axum-affitor-outer" => boxed(affitor().layer(ready(bare())), kind),
        "axum-affitor-router" => boxed(ready(bare().layer(affitor())), kind),
        "axum-bytes" => boxed(ready(bytes()), kind),
        "axum-bytes-click-id-outer" => {
            boxed(ClickIdLayer::new().read_body_as::<IntoAxumBody>().layer(ready(bytes())), kind)
        }
        "axum-bytes-affitor-outer" => boxed(affitor().layer(ready(bytes())), kind),
        "axum-bytes-affitor-router" => boxed(ready(bytes().layer(affitor())), kind),
        "axum-json" => boxed(ready(Router::new().route(PATH, any(async |_: Json<Fields>| "ok"))), kind),
        _ => None,
    }
}

/// A layer that does nothing: the cost of `Router::layer` itself.
#[derive(Clone)]
pub(crate) struct Identity<S>(pub(crate) S);

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

/// The value of a hand-written middleware.
#[derive(Clone)]
struct Found(#[allow(dead_code, reason = "a handler would read it")] String);

async fn with_split(mut request: Request, next: Next) -> Response<Body> {
    let found = request.headers().get(COOKIE).and_then(|cookies| cookies.to_str().ok()).and_then(|cookies| {
        cookies.split(';').find_map(|pair| pair.trim().strip_prefix("affitor_click_id=").map(str::to_owned))
    });
    if let Some(found) = found {
        request.extensions_mut().insert(Found(found));
    }
    next.run(request).await
}

async fn with_cookie_jar(mut request: Request, next: Next) -> Response<Body> {
    let jar = axum_extra::extract::CookieJar::from_headers(request.headers());
    if let Some(found) = jar.get("affitor_click_id").map(|cookie| cookie.value().to_owned()) {
        request.extensions_mut().insert(Found(found));
    }
    next.run(request).await
}

async fn with_tower_cookies(mut request: Request, next: Next) -> Response<Body> {
    let found = request
        .extensions()
        .get::<tower_cookies::Cookies>()
        .and_then(|cookies| cookies.get("affitor_click_id"))
        .map(|cookie| cookie.value().to_owned());
    if let Some(found) = found {
        request.extensions_mut().insert(Found(found));
    }
    next.run(request).await
}

/// The fields of the body that a handler might read.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only deserialization is measured")]
struct Fields {
    affitor_click_id: String,
    field_0: String,
    field_29: String,
}
