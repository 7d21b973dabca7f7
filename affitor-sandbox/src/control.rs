//! `/_sandbox/…`: what a tester does to the sandbox over HTTP, from any language or from the sandbox's page.
//!
//! Only for this machine: the host must be a loopback one, and no page of another origin may call.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRequest, Request, State as Shared},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{
        IntoResponse, Redirect, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::{get, post},
};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::{Host, Url};

use crate::{FaultRule, PartnerState, api, change::Change, clock, page, service::Service};

/// How often at most a listener hears of changes.
const TOLD_EVERY: Duration = Duration::from_millis(150);

pub(crate) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/snapshot", get(snapshot))
        .route("/requests", get(requests))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/faults/clear", post(clear_faults))
        .route("/clock", get(read_clock).post(move_clock))
        .route("/partners", post(set_partner))
        .route("/chain", post(run_chain))
        .route("/reset", post(reset))
        .route("/changes", get(changes))
        .merge(page::parts())
        .layer(middleware::from_fn(only_from_here))
}

/// Refuses other hosts' names (a page that points its own name at this machine could read and change everything) and other
/// origins' pages.
pub(crate) async fn only_from_here(request: Request, next: Next) -> Response {
    let refused = |why: &str| Refusal(StatusCode::FORBIDDEN, why.to_owned()).into_response();
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(host) = text(header::HOST) else { return refused("there is no Host header") };
    if !is_loopback(host) {
        return refused("only for hosts of this machine, such as localhost or 127.0.0.1");
    }
    let other_origin = match (text(HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.strip_prefix("http://") != Some(host),
        (None, None) => false,
    };
    if other_origin && request.method().is_safe() && request.uri().path() == "/" {
        // A link from elsewhere to the page.
        return next.run(request).await;
    }
    if other_origin { refused("not for pages of other origins") } else { next.run(request).await }
}

fn is_loopback(host: &str) -> bool {
    match Url::parse(&format!("http://{host}/")).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Why an action was refused: a status and a sentence.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, format!("the journal can't be written, nothing has changed: {error}"))
    }
}

/// A body in JSON or as a form.
struct Input<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = Bytes::from_request(request, state).await.map_err(|why| Refusal(why.status(), why.body_text()))?;
        // By what it looks like: `curl -d` says that all it sends is a form.
        let read = if body.trim_ascii_start().first().is_some_and(|first| b"{[\"".contains(first)) {
            serde_json::from_slice(&body).map_err(|error| error.to_string())
        } else {
            serde_urlencoded::from_bytes(&body).map_err(|error| error.to_string())
        };
        read.map(Self).map_err(|why| Refusal(StatusCode::BAD_REQUEST, format!("the body can't be read: {why}")))
    }
}

/// What an action came to. A plain form is sent back to the page.
struct Done(Value);

impl Done {
    fn answer(self, headers: &HeaderMap) -> Response {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        let form = text(header::CONTENT_TYPE).starts_with("application/x-www-form-urlencoded");
        if form && text(header::ACCEPT).contains("text/html") {
            Redirect::to("/").into_response()
        } else {
            Json(self.0).into_response()
        }
    }
}

async fn snapshot(Shared(service): Shared<Arc<Service>>) -> impl IntoResponse {
    let snapshot = service.lock().state.snapshot();
    Json(snapshot)
}

async fn requests(Shared(service): Shared<Arc<Service>>) -> impl IntoResponse {
    let (kept, dropped) = {
        let inner = service.lock();
        (inner.log.kept().cloned().collect::<Vec<_>>(), inner.log.dropped())
    };
    Json(json!({ "requests": kept, "dropped": dropped }))
}

#[derive(Serialize)]
struct Rules {
    rules: Vec<FaultRule>,
}

async fn faults(Shared(service): Shared<Arc<Service>>) -> Json<Rules> {
    let rules = service.lock().faults.rules().to_vec();
    Json(Rules { rules })
}

/// A rule as one text, or in the fields of the page's form.
#[derive(Deserialize)]
#[serde(expecting = "an object or a form")]
struct NewFault {
    rule: Option<String>,
    fault: Option<String>,
    call: Option<String>,
    chance: Option<String>,
}

async fn add_fault(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(new): Input<NewFault>,
) -> Result<Response, Refusal> {
    let text = match (new.rule, new.fault) {
        (Some(rule), _) => rule,
        (None, Some(fault)) => {
            let part = |sign: &str, part: Option<String>| {
                part.filter(|part| !part.is_empty()).map_or_else(String::new, |part| format!("{sign}{part}"))
            };
            format!("{fault}{}{}", part("@", new.call), part(":", new.chance))
        }
        (None, None) => {
            let why = "give a rule, such as {\"rule\": \"error-after-write@sale:1x\"}";
            return Err(Refusal(StatusCode::BAD_REQUEST, why.to_owned()));
        }
    };
    let rule: FaultRule = text.parse().map_err(|why| Refusal(StatusCode::BAD_REQUEST, why))?;
    service.lock().faults.add(rule);
    service.tell();
    Ok(Done(json!({ "message": format!("Turned on: {rule}"), "rule": rule })).answer(&headers))
}

async fn clear_faults(Shared(service): Shared<Arc<Service>>, headers: HeaderMap) -> Response {
    service.lock().faults.clear();
    service.tell();
    Done(json!({ "message": "All faults are off" })).answer(&headers)
}

/// How far to move the clock ahead.
#[derive(Deserialize)]
#[serde(expecting = "an object or a form")]
struct ClockMove {
    #[serde(default)]
    seconds: i64,
    #[serde(default)]
    days: i64,
}

fn clock_answer(service: &Service) -> Value {
    let (now_ms, ahead_ms) = {
        let inner = service.lock();
        (inner.state.clock.now_ms(), inner.state.clock.ahead_ms())
    };
    let now = clock::iso(now_ms);
    json!({ "message": format!("The clock says {now}"), "now": now, "now_ms": now_ms, "ahead_ms": ahead_ms })
}

async fn read_clock(Shared(service): Shared<Arc<Service>>) -> Json<Value> {
    Json(clock_answer(&service))
}

async fn move_clock(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(ClockMove { seconds, days }): Input<ClockMove>,
) -> Result<Response, Refusal> {
    let bad = |why: &str| Refusal(StatusCode::BAD_REQUEST, why.to_owned());
    let (Ok(seconds), Ok(days)) = (u64::try_from(seconds), u64::try_from(days)) else {
        return Err(bad("the clock does not go back: seconds and days must not be negative"));
    };
    let by = days.checked_mul(24 * 60 * 60).and_then(|more| more.checked_add(seconds)).filter(|by| *by > 0);
    let by = by.ok_or_else(|| bad("say by how many seconds or days, as {\"days\": 61}"))?;
    service.change(|state| Change::Clock { ahead_ms: state.clock.ahead_after(Duration::from_secs(by)) })?;
    Ok(Done(clock_answer(&service)).answer(&headers))
}

/// How a partner stands from now on.
#[derive(Deserialize)]
#[serde(expecting = "an object or a form")]
struct Standing {
    partner: String,
    state: PartnerState,
}

async fn set_partner(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(Standing { partner, state }): Input<Standing>,
) -> Result<Response, Refusal> {
    if service.lock().state.partner(&partner).is_none() {
        return Err(Refusal(StatusCode::NOT_FOUND, "there is no such partner".to_owned()));
    }
    service.change(|_| Change::Partner { code: partner.clone(), state })?;
    Ok(Done(json!({ "partner": partner, "state": state })).answer(&headers))
}

/// A chain for the first program.
async fn run_chain(Shared(service): Shared<Arc<Service>>, headers: HeaderMap) -> Result<Response, Refusal> {
    match service.carry_out(|state| api::run_chain(state, 0, state.clock.now_ms()))? {
        Ok(ran) => {
            let ran: Value = serde_json::from_slice(&ran.body).unwrap_or_default();
            Ok(Done(json!({ "message": "A synthetic chain ran", "chain": ran["data"] })).answer(&headers))
        }
        Err(refused) => {
            let wait =
                refused.retry_after.map_or_else(String::new, |s| format!(" Come back in {} min.", s.div_ceil(60)));
            let words = refused.words.unwrap_or_default();
            Err(Refusal(StatusCode::TOO_MANY_REQUESTS, format!("{words}{wait}")))
        }
    }
}

async fn reset(Shared(service): Shared<Arc<Service>>, headers: HeaderMap) -> Result<Response, Refusal> {
    service.reset()?;
    Ok(Done(json!({ "message": "Everything is forgotten" })).answer(&headers))
}

/// Server-sent events: one now, and one after each change, though not more often than a page can be drawn.
async fn changes(Shared(service): Shared<Arc<Service>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut changes = service.subscribe();
    changes.mark_changed();
    let events = stream::unfold(changes, |mut changes| async move {
        changes.changed().await.ok()?;
        tokio::time::sleep(TOLD_EVERY).await;
        let number = *changes.borrow_and_update();
        Some((Ok(Event::default().event("change").data(number.to_string())), changes))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
