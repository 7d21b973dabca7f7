//! From HTTP to the calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State as Shared},
    http::{HeaderMap, HeaderValue, Method, Response, header},
    routing::{get, post},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::{
    browser::{self, Origins},
    chain, checks,
    clock::Clock,
    events,
    fields::Fields,
    performance, readiness,
    record::RequestRecord,
    reply::Reply,
    state::State,
    status,
    track::{self, Call},
};

/// The longest body that is taken, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// What the requests and the [`Sandbox`](crate::Sandbox) share.
#[derive(Debug, Default)]
pub(crate) struct Service {
    state: Mutex<State>,
    pub(crate) clock: Clock,
    origins: Origins,
}

impl Service {
    pub(crate) fn new(state: State, origins: Origins) -> Self {
        Self { state: Mutex::new(state), clock: Clock::default(), origins }
    }

    /// The state. Nothing that holds it waits.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, method: &Method, path: String, reply: Reply) -> Response<Body> {
        self.state().keep_request(RequestRecord {
            method: method.to_string(),
            path,
            status: reply.status,
            error: (reply.status >= 400).then(|| reply.words()).flatten(),
            at_ms: self.clock.now_ms(),
        });
        reply.into_response()
    }
}

type TrackFn = fn(&mut State, &Call<'_>) -> Reply;

/// The calls that take a JSON object, with their paths, and whether pages make them.
const CALLS: [(&[&str], TrackFn, bool); 7] = [
    (&["/api/v1/track/click", "/api/tracking/click"], track::click, true),
    (&["/api/v1/track/lead", "/api/tracking/lead"], track::lead, true),
    (&["/api/v1/track/sale", "/api/tracking/sale"], track::sale, false),
    (&["/api/v1/track/refund", "/api/tracking/refund"], track::refund, false),
    (&["/api/v1/cli/test-event"], chain::test_event, false),
    (&["/api/tracking/check-test-events"], checks::check_test_events, true),
    (&["/api/tracking/test"], checks::receive_test, true),
];

pub(crate) fn router(service: Arc<Service>) -> Router {
    let mut router = Router::new()
        .route("/api/v1/programs/me/readiness", get(readiness))
        .route("/api/v1/cli/status", get(cli_status))
        .route("/api/tracking/events/{program}", get(list_events))
        .route("/api/tracking/performance/{program}", get(list_performance))
        .route("/api/tracking/status/{program}", get(dashboard_status))
        .route("/js/affitor-tracker.js", get(tracker));
    for (paths, call, by_pages) in CALLS {
        let handler = move |Shared(service): Shared<Arc<Service>>, request: Request| async move {
            let origin = request.headers().get(header::ORIGIN).cloned();
            let mut response = track(&service, request, call).await;
            if by_pages {
                service.origins.permit(origin.as_ref(), response.headers_mut());
            }
            response
        };
        for path in paths {
            let route = if by_pages { post(handler).options(preflight) } else { post(handler) };
            router = router.route(path, route);
        }
    }
    router.fallback(unknown_path).method_not_allowed_fallback(wrong_method).with_state(service)
}

async fn preflight(Shared(service): Shared<Arc<Service>>, headers: HeaderMap) -> Response<Body> {
    service.origins.preflight(headers.get(header::ORIGIN))
}

async fn tracker(Shared(service): Shared<Arc<Service>>) -> Response<Body> {
    service.state().tracker_ms = Some(service.clock.now_ms());
    browser::tracker()
}

async fn track(service: &Service, request: Request, call: TrackFn) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let body = read(body).await.and_then(|body| Fields::parse(&body));
    let reply = call(
        &mut service.state(),
        &Call {
            now_ms: service.clock.now_ms(),
            authorization: authorization(&parts.headers),
            user_agent: parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()),
            body,
        },
    );
    service.answer(&parts.method, path, reply)
}

fn authorization(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes)
}

async fn read(body: Body) -> Result<Vec<u8>, Reply> {
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(Reply::error(413, "The body is larger than 1 MiB")),
        Err(_) => Err(Reply::error(400, "The body was cut off")),
    }
}

async fn readiness(Shared(service): Shared<Arc<Service>>, request: Request) -> Response<Body> {
    let forced = url::form_urlencoded::parse(query(&request).as_bytes())
        .any(|(name, value)| name == "force_recheck" && value == "true");
    let now_ms = service.clock.now_ms();
    let reply = readiness::readiness(&mut service.state(), authorization(request.headers()), forced, now_ms);
    service.answer(request.method(), request.uri().path().to_owned(), reply)
}

async fn cli_status(Shared(service): Shared<Arc<Service>>, request: Request) -> Response<Body> {
    let now_ms = service.clock.now_ms();
    let reply = status::cli(&service.state(), authorization(request.headers()), query(&request), now_ms);
    service.answer(request.method(), request.uri().path().to_owned(), reply)
}

async fn list_events(
    Shared(service): Shared<Arc<Service>>,
    Path(program): Path<String>,
    request: Request,
) -> Response<Body> {
    let reply = events::list(&service.state(), &program, query(&request));
    service.answer(request.method(), request.uri().path().to_owned(), reply)
}

async fn list_performance(
    Shared(service): Shared<Arc<Service>>,
    Path(program): Path<String>,
    request: Request,
) -> Response<Body> {
    let reply = performance::performance(&service.state(), &program, query(&request), service.clock.now_ms());
    service.answer(request.method(), request.uri().path().to_owned(), reply)
}

async fn dashboard_status(
    Shared(service): Shared<Arc<Service>>,
    Path(program): Path<String>,
    request: Request,
) -> Response<Body> {
    let reply = status::dashboard(&service.state(), &program, service.clock.now_ms());
    service.answer(request.method(), request.uri().path().to_owned(), reply)
}

fn query(request: &Request) -> &str {
    request.uri().query().unwrap_or_default()
}

async fn unknown_path(Shared(service): Shared<Arc<Service>>, request: Request) -> Response<Body> {
    let reply = Reply::cms_error(404, "NotFoundError", "Not Found");
    service.answer(request.method(), request.uri().path().to_owned(), reply)
}

async fn wrong_method(Shared(service): Shared<Arc<Service>>, request: Request) -> Response<Body> {
    let reply = Reply::cms_error(405, "MethodNotAllowedError", "Method Not Allowed");
    service.answer(request.method(), request.uri().path().to_owned(), reply)
}
