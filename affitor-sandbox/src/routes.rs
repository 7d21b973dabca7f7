//! From HTTP to the calls, and back.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Request, State as Shared},
    http::{HeaderMap, HeaderValue, Response, header},
    routing::{MethodFilter, MethodRouter, on},
};
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::{
    api::{Call, ENDPOINTS, Endpoint, Fields, Reply},
    control, page,
    server::ResetConnection,
    service::{Ending, RequestLine, Served, Service},
};

/// The longest body that is taken, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// How long a client may take to send it.
const SLOWEST: Duration = Duration::from_secs(30);

/// How long the half of a cut answer has to leave before the connection ends.
const CUT_AFTER: Duration = Duration::from_millis(20);

pub(crate) fn router(service: Arc<Service>) -> Router {
    let mut router = Router::new();
    for endpoint in ENDPOINTS {
        for path in [Some(endpoint.path), endpoint.alias].into_iter().flatten() {
            router = router.route(path, route(endpoint));
        }
    }
    router
        .merge(page::routes())
        .nest("/_sandbox", control::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
}

fn route(endpoint: &'static Endpoint) -> MethodRouter<Arc<Service>> {
    let handler = move |service: Shared<Arc<Service>>, path: Path<HashMap<String, String>>, request: Request| {
        call(endpoint, service, path, request)
    };
    let filter = MethodFilter::try_from(endpoint.method.clone()).unwrap_or(MethodFilter::POST);
    let route = on(filter, handler);
    if endpoint.by_pages { route.options(preflight) } else { route }
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
    let (parts, body) = request.into_parts();
    let body = read(body).await.and_then(|body| Fields::parse(&body));
    let header = |name| parts.headers.get(name).map(HeaderValue::as_bytes);
    let served = service.serve(
        endpoint,
        RequestLine { method: parts.method.as_str(), path: parts.uri.path() },
        Call {
            now_ms: 0,
            authorization: header(header::AUTHORIZATION),
            user_agent: header(header::USER_AGENT).and_then(|value| std::str::from_utf8(value).ok()),
            program: path.get("program").map_or("", String::as_str),
            query: parts.uri.query().unwrap_or_default(),
            body,
        },
    );
    let mut response = respond(served).await;
    if endpoint.by_pages {
        service.origins.permit(parts.headers.get(header::ORIGIN), response.headers_mut());
    }
    response
}

async fn read(body: Body) -> Result<Bytes, Reply> {
    let Ok(body) = tokio::time::timeout(SLOWEST, Limited::new(body, BODY_LIMIT).collect()).await else {
        return Err(Reply::error(408, "The body did not arrive in time"));
    };
    match body {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Reply::error(413, "The body is larger than 1 MiB")),
        Err(_) => Err(Reply::error(400, "The body was cut off")),
    }
}

pub(crate) async fn respond(Served { ending, delay }: Served) -> Response<Body> {
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    match ending {
        Ending::Answer(reply) => reply.into_response(Body::from),
        Ending::CutAnswer(reply) => {
            let length = reply.body.len();
            let mut response = reply.into_response(cut);
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            response
        }
        Ending::Reset => {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(ResetConnection);
            response
        }
        // Until the other side has had enough, or the sandbox ends.
        Ending::Stall => std::future::pending().await,
    }
}

/// The first half of a body, and then the end of the connection.
fn cut(mut body: Vec<u8>) -> Body {
    body.truncate(body.len() / 2);
    let half = stream::iter([Ok(Bytes::from(body))]);
    let end = stream::once(async {
        tokio::time::sleep(CUT_AFTER).await;
        Err(io::Error::other("the answer is cut on demand"))
    });
    Body::from_stream(half.chain(end))
}

async fn unknown_path(Shared(service): Shared<Arc<Service>>, request: Request) -> Response<Body> {
    refuse(&service, &request, Reply::not_found("Not Found"))
}

async fn wrong_method(Shared(service): Shared<Arc<Service>>, request: Request) -> Response<Body> {
    refuse(&service, &request, Reply::cms_error(405, "MethodNotAllowedError", "Method Not Allowed"))
}

fn refuse(service: &Service, request: &Request, reply: Reply) -> Response<Body> {
    let line = RequestLine { method: request.method().as_str(), path: request.uri().path() };
    service.refuse(line, reply).into_response(Body::from)
}
