//! HTTP handlers of the service's calls, and the fallbacks for unknown paths and methods.

use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Path, Request, State as Shared},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header},
    routing::{MethodFilter, MethodRouter, on},
};
use bytes::BytesMut;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::Semaphore;

use crate::{
    api::{Call, Caller, Endpoint, Fields},
    call::ApiCall,
    hosts,
    reply::Reply,
    response::respond,
    server::Peer,
    service::{RequestLine, Service},
};

/// Maximum length of a request body, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// Maximum length of a small body, in bytes.
const SMALL_BODY: usize = 16 * 1024;

/// How many larger bodies are read at a time.
const LARGE_BODIES_AT_A_TIME: usize = 32;

/// How long a client may take to send a request body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Header with the signature of a Stripe event.
const STRIPE_SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");

/// Returns the URL under which the client reaches the sandbox, for links in responses.
pub(crate) fn base_url(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}")
}

pub(crate) fn route(endpoint: &'static Endpoint) -> MethodRouter<Arc<Service>> {
    let handler = move |service: Shared<Arc<Service>>, path: Path<HashMap<String, String>>, request: Request| {
        call(endpoint, service, path, request)
    };
    let filter = MethodFilter::try_from(endpoint.method.clone()).unwrap_or(MethodFilter::POST);
    let route = on(filter, handler);
    if endpoint.cross_origin { route.options(preflight) } else { route }
}

async fn preflight(Shared(service): Shared<Arc<Service>>, headers: HeaderMap) -> Response<Body> {
    service.origins.preflight(headers.get(header::ORIGIN))
}

async fn call(
    endpoint: &Endpoint,
    Shared(service): Shared<Arc<Service>>,
    Path(path): Path<HashMap<String, String>>,
    request: Request,
) -> Response<Body> {
    if endpoint.open_reading
        && let Err(reason) = hosts::check_host(&service.hosts, &request)
    {
        return refuse(&service, &request, Reply::cms_error(403, "ForbiddenError", reason));
    }
    // axum routes HEAD as GET, but the result of this call is returned only once.
    if request.method() == Method::HEAD && endpoint.call == Some(ApiCall::AuthPoll) {
        return wrong_method(Shared(service), request).await;
    }
    let (parts, body) = request.into_parts();
    let body = read(body).await;
    let raw = body.clone().unwrap_or_default();
    // Only Stripe's events are not parsed here: their signature covers the bytes.
    let body = body.and_then(|body| if endpoint.raw_body { Ok(Fields::default()) } else { Fields::parse(&body) });
    let header = |name| parts.headers.get(name).map(HeaderValue::as_bytes);
    let text = |name| header(name).and_then(|value| std::str::from_utf8(value).ok());
    let peer = parts.extensions.get::<Peer>().cloned();
    let base_url = base_url(&parts.headers);
    let served = service.serve(
        endpoint,
        RequestLine { method: parts.method.as_str(), path: parts.uri.path() },
        Call {
            now_ms: 0,
            caller: Caller::Client(header(header::AUTHORIZATION)),
            user_agent: text(header::USER_AGENT),
            stripe_signature: text(STRIPE_SIGNATURE),
            base_url: &base_url,
            path_id: path.values().next().map_or("", String::as_str),
            query: parts.uri.query().unwrap_or_default(),
            body,
            raw: &raw,
        },
    );
    drop(raw);
    let mut response = respond(served, peer.as_ref()).await;
    if endpoint.cross_origin {
        service.origins.permit(parts.headers.get(header::ORIGIN), response.headers_mut());
    }
    response
}

/// Reads a request body. Few large ones are read at a time, because anyone can send them slowly.
pub(crate) async fn read(body: Body) -> Result<Bytes, Reply> {
    static LARGE_BODIES: Semaphore = Semaphore::const_new(LARGE_BODIES_AT_A_TIME);
    let reading = async {
        let mut body = pin!(Limited::new(body, BODY_LIMIT));
        let mut bytes = BytesMut::new();
        let mut permit = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
                true => Reply::error(413, "The body is larger than 1 MiB"),
                false => Reply::error(400, "The body was cut off"),
            })?;
            let Ok(data) = frame.into_data() else { continue };
            bytes.extend_from_slice(&data);
            if bytes.len() > SMALL_BODY && permit.is_none() {
                let busy = |_| Reply::error(503, "Too many large bodies at a time");
                permit = Some(LARGE_BODIES.try_acquire().map_err(busy)?);
            }
        }
        Ok(bytes.freeze())
    };
    let late = |_| Err(Reply::error(408, "The body did not arrive in time"));
    tokio::time::timeout(BODY_TIMEOUT, reading).await.unwrap_or_else(late)
}

pub(crate) async fn unknown_path(Shared(service): Shared<Arc<Service>>, request: Request) -> Response<Body> {
    refuse(&service, &request, Reply::not_found("Not Found"))
}

pub(crate) async fn wrong_method(Shared(service): Shared<Arc<Service>>, request: Request) -> Response<Body> {
    refuse(&service, &request, Reply::cms_error(405, "MethodNotAllowedError", "Method Not Allowed"))
}

fn refuse(service: &Service, request: &Request, reply: Reply) -> Response<Body> {
    let line = RequestLine { method: request.method().as_str(), path: request.uri().path() };
    service.refuse(line, reply).into_response(Body::from)
}
