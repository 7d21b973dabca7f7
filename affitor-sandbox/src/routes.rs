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
    clock::Clock,
    events,
    fields::Fields,
    record::RequestRecord,
    reply::Reply,
    state::State,
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

pub(crate) fn router(service: Arc<Service>) -> Router {
    let calls: [(&str, TrackFn); 4] =
        [("click", track::click), ("lead", track::lead), ("sale", track::sale), ("refund", track::refund)];
    let mut router = Router::new()
        .route("/api/tracking/events/{program}", get(list_events))
        .route("/js/affitor-tracker.js", get(browser::tracker));
    for (name, call) in calls {
        let by_browsers = matches!(name, "click" | "lead");
        for family in ["/api/v1/track", "/api/tracking"] {
            let handler = move |Shared(service): Shared<Arc<Service>>, request: Request| async move {
                let origin = request.headers().clone();
                let mut response = track(&service, request, call).await;
                if by_browsers {
                    service.origins.permit(&origin, response.headers_mut());
                }
                response
            };
            let mut route = post(handler);
            if by_browsers {
                route = route.options(preflight);
            }
            router = router.route(&format!("{family}/{name}"), route);
        }
    }
    router.fallback(unknown_path).method_not_allowed_fallback(wrong_method).with_state(service)
}

async fn preflight(Shared(service): Shared<Arc<Service>>, headers: HeaderMap) -> Response<Body> {
    service.origins.preflight(&headers)
}

async fn track(service: &Service, request: Request, call: TrackFn) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let fields = match read(body).await.and_then(|body| Fields::parse(&body)) {
        Ok(fields) => fields,
        Err(refused) => return service.answer(&parts.method, path, refused),
    };
    let reply = call(
        &mut service.state(),
        &Call {
            now_ms: service.clock.now_ms(),
            authorization: parts.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes),
            user_agent: parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()),
            fields,
        },
    );
    service.answer(&parts.method, path, reply)
}

async fn read(body: Body) -> Result<Vec<u8>, Reply> {
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(Reply::error(413, "The body is larger than 1 MiB")),
        Err(_) => Err(Reply::error(400, "The body was cut off")),
    }
}

async fn list_events(
    Shared(service): Shared<Arc<Service>>,
    Path(program): Path<String>,
    request: Request,
) -> Response<Body> {
    let reply = events::list(&service.state(), &program, request.uri().query().unwrap_or_default());
    service.answer(request.method(), request.uri().path().to_owned(), reply)
}

async fn unknown_path(Shared(service): Shared<Arc<Service>>, request: Request) -> Response<Body> {
    let reply = Reply::cms_error(404, "NotFoundError", "Not Found");
    service.answer(request.method(), request.uri().path().to_owned(), reply)
}

async fn wrong_method(Shared(service): Shared<Arc<Service>>, request: Request) -> Response<Body> {
    let reply = Reply::cms_error(405, "MethodNotAllowedError", "Method Not Allowed");
    service.answer(request.method(), request.uri().path().to_owned(), reply)
}
