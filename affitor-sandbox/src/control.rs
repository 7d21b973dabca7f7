//! Control routes under `/_sandbox`: what a tester can do to the sandbox over HTTP, from any language or from its page.

mod exchange;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::{get, post},
};
use exchange::{Done, Input, Refusal};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{api, change::Change, clock, fault::FaultRule, program::PartnerState, service::Service};

/// Minimum interval between two notifications of the same listener.
const NOTIFY_EVERY: Duration = Duration::from_millis(150);

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

/// A fault rule, either as one text or as the fields of the page's form.
#[derive(Deserialize)]
#[serde(expecting = "an object or a form")]
struct NewFault {
    rule: Option<String>,
    fault: Option<String>,
    call: Option<String>,
    chance: Option<String>,
}

impl NewFault {
    fn into_text(self) -> Option<String> {
        if self.rule.is_some() {
            return self.rule;
        }
        let part = |sign: &str, part: Option<String>| {
            part.filter(|part| !part.is_empty()).map_or_else(String::new, |part| format!("{sign}{part}"))
        };
        Some(format!("{}{}{}", self.fault?, part("@", self.call), part(":", self.chance)))
    }
}

async fn add_fault(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(new): Input<NewFault>,
) -> Result<Response, Refusal> {
    let example = "a rule is required, such as {\"rule\": \"error-after-write@sale:1x\"}";
    let text = new.into_text().ok_or_else(|| Refusal::bad_request(example))?;
    let rule: FaultRule = text.parse().map_err(|error: String| Refusal::bad_request(error))?;
    service.lock().faults.add(rule);
    service.notify();
    Ok(Done(json!({ "message": format!("Fault enabled: {rule}"), "rule": rule })).respond_to(&headers))
}

async fn clear_faults(Shared(service): Shared<Arc<Service>>, headers: HeaderMap) -> Response {
    service.lock().faults.clear();
    service.notify();
    Done(json!({ "message": "All faults disabled" })).respond_to(&headers)
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

fn clock_time(service: &Service) -> Value {
    let (now_ms, ahead_ms) = {
        let inner = service.lock();
        (inner.state.clock.now_ms(), inner.state.clock.ahead_ms())
    };
    let now = clock::iso(now_ms);
    json!({ "message": format!("The clock is at {now}"), "now": now, "now_ms": now_ms, "ahead_ms": ahead_ms })
}

async fn read_clock(Shared(service): Shared<Arc<Service>>) -> Json<Value> {
    Json(clock_time(&service))
}

async fn move_clock(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(ClockMove { seconds, days }): Input<ClockMove>,
) -> Result<Response, Refusal> {
    let (Ok(seconds), Ok(days)) = (u64::try_from(seconds), u64::try_from(days)) else {
        return Err(Refusal::bad_request("the clock can't go back: seconds and days must not be negative"));
    };
    let by = days.checked_mul(24 * 60 * 60).and_then(|more| more.checked_add(seconds)).filter(|by| *by > 0);
    let example = "give a number of seconds or days to move ahead, such as {\"days\": 61}";
    let by = by.ok_or_else(|| Refusal::bad_request(example))?;
    service.change(|state| Change::Clock { ahead_ms: state.clock.ahead_after(Duration::from_secs(by)) })?;
    Ok(Done(clock_time(&service)).respond_to(&headers))
}

/// New state of a partner.
#[derive(Deserialize)]
#[serde(expecting = "an object or a form")]
struct PartnerUpdate {
    partner: String,
    state: PartnerState,
}

async fn set_partner(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(PartnerUpdate { partner, state }): Input<PartnerUpdate>,
) -> Result<Response, Refusal> {
    if service.lock().state.partner(&partner).is_none() {
        return Err(Refusal(StatusCode::NOT_FOUND, "partner not found".to_owned()));
    }
    service.change(|_| Change::Partner { code: partner.clone(), state })?;
    Ok(Done(json!({ "partner": partner, "state": state })).respond_to(&headers))
}

/// Runs a synthetic chain for the first program.
async fn run_chain(Shared(service): Shared<Arc<Service>>, headers: HeaderMap) -> Result<Response, Refusal> {
    match service.carry_out(|state| api::run_chain(state, 0, state.clock.now_ms()))? {
        Ok(reply) => {
            let chain: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            Ok(Done(json!({ "message": "A synthetic chain ran", "chain": chain["data"] })).respond_to(&headers))
        }
        Err(refused) => {
            let wait = refused
                .retry_after
                .map_or_else(String::new, |seconds| format!(" Retry in {} min.", seconds.div_ceil(60)));
            let reason = refused.reason.unwrap_or_default();
            Err(Refusal(StatusCode::TOO_MANY_REQUESTS, format!("{reason}{wait}")))
        }
    }
}

async fn reset(Shared(service): Shared<Arc<Service>>, headers: HeaderMap) -> Result<Response, Refusal> {
    service.reset()?;
    Ok(Done(json!({ "message": "All events and requests deleted" })).respond_to(&headers))
}

/// Streams server-sent events: one immediately, then one after each change, at most one per [`NOTIFY_EVERY`].
async fn changes(Shared(service): Shared<Arc<Service>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut changes = service.subscribe();
    changes.mark_changed();
    let events = stream::unfold(changes, |mut changes| async move {
        changes.changed().await.ok()?;
        tokio::time::sleep(NOTIFY_EVERY).await;
        let number = *changes.borrow_and_update();
        Some((Ok(Event::default().event("change").data(number.to_string())), changes))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
