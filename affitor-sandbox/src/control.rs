//! Control routes under `/_sandbox`: what a tester can do to the sandbox over HTTP, from any language or from its page.

mod consent;
mod exchange;
mod faults;
mod read;
mod terms;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post},
};
pub(crate) use exchange::Input;
use exchange::{Done, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{OpenApi, ToSchema};

use crate::{
    api,
    change::Change,
    clock,
    program::{PartnerState, Profile},
    service::Service,
};

pub(crate) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/snapshot", get(read::snapshot))
        .route("/requests", get(read::requests))
        .route("/memory", get(read::memory))
        .route("/changes", get(read::changes))
        .route("/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/faults/clear", post(faults::clear))
        .route("/clock", get(read_clock).post(move_clock))
        .route("/partners", post(set_partner))
        .route("/profile", post(set_profile))
        .route("/key", post(rotate_key))
        .route("/consent", post(consent::confirm))
        .route("/chain", post(run_chain))
        .route("/reset", post(reset))
        .merge(terms::routes())
}

#[derive(OpenApi)]
#[openapi(paths(
    read::snapshot,
    read::requests,
    read::memory,
    read::changes,
    faults::list,
    faults::add,
    faults::clear,
    read_clock,
    move_clock,
    set_partner,
    set_profile,
    rotate_key,
    run_chain,
    reset,
))]
struct OtherDocument;

/// The OpenAPI document of these routes.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = OtherDocument::openapi();
    document.merge(terms::TermsDocument::openapi());
    document
}

/// Returns the id of the program, or of the first one.
fn known_program(service: &Service, program_id: Option<u64>) -> Result<u64, Refusal> {
    let state = &service.lock().state;
    let id = program_id.or(state.first_program().map(|program| program.id));
    let known = id.filter(|id| state.program_index(*id).is_some());
    known.ok_or_else(no_program)
}

fn no_program() -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "program not found".to_owned())
}

/// Why an action was refused.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "used for the OpenAPI document only")]
struct ControlError {
    error: String,
}

/// How far to move the clock ahead. At least one of the two is required.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
struct ClockMove {
    #[serde(default)]
    #[schema(minimum = 0, default = 0)]
    seconds: i64,
    #[serde(default)]
    #[schema(minimum = 0, default = 0, example = 61)]
    days: i64,
}

/// The clock of the sandbox.
#[derive(Serialize, ToSchema)]
struct ClockTime {
    message: String,
    #[schema(format = DateTime)]
    now: String,
    now_ms: i64,
    /// How far the clock has been moved ahead, in milliseconds.
    ahead_ms: i64,
}

impl ClockTime {
    fn of(service: &Service) -> Self {
        let (now_ms, ahead_ms) = {
            let inner = service.lock();
            (inner.state.clock.now_ms(), inner.state.clock.ahead_ms())
        };
        let now = clock::iso(now_ms);
        Self { message: format!("The clock is at {now}"), now, now_ms, ahead_ms }
    }
}

/// Returns the time of the sandbox's clock.
#[utoipa::path(get, path = "/clock", tag = "Sandbox", operation_id = "getClock",
    responses((status = 200, description = "The time", body = ClockTime)))]
async fn read_clock(Shared(service): Shared<Arc<Service>>) -> axum::Json<ClockTime> {
    axum::Json(ClockTime::of(&service))
}

/// Moves the clock ahead. Only a reset moves it back.
#[utoipa::path(post, path = "/clock", tag = "Sandbox", operation_id = "moveClock", request_body = ClockMove,
    responses(
        (status = 200, description = "The new time", body = ClockTime),
        (status = 400, description = "Not a positive number of seconds or days", body = ControlError),
    ))]
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
    Ok(Done(json!(ClockTime::of(&service))).respond_to(&headers))
}

/// New state of a partner.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
struct PartnerUpdate {
    #[schema(example = "PARTNER123")]
    partner: String,
    #[schema(value_type = String, pattern = "^(active|link_inactive|link_invalid|left_program|deleted)$")]
    state: PartnerState,
}

/// Sets the state of a partner.
#[utoipa::path(post, path = "/partners", tag = "Sandbox", operation_id = "setPartnerState", request_body = PartnerUpdate,
    responses(
        (status = 200, description = "The new state", body = PartnerUpdate),
        (status = 400, description = "Unknown state", body = ControlError),
        (status = 404, description = "No partner has this code", body = ControlError),
    ))]
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

/// The program that gets a new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
struct KeyRotation {
    /// Default: the first program.
    #[schema(example = 42)]
    program_id: Option<u64>,
}

/// A new key.
#[derive(Serialize, ToSchema)]
struct NewKey {
    message: String,
    program_id: u64,
    /// Shown only once.
    api_key: String,
    #[schema(format = DateTime)]
    key_rotated_at: String,
}

/// Gives a program a new API key. The old one is invalid immediately.
#[utoipa::path(post, path = "/key", tag = "Sandbox", operation_id = "rotateKey", request_body = Option<KeyRotation>,
    responses(
        (status = 200, description = "The new key", body = NewKey),
        (status = 400, description = "The body is invalid", body = ControlError),
        (status = 404, description = "There is no such program", body = ControlError),
    ))]
async fn rotate_key(
    Shared(service): Shared<Arc<Service>>,
    Input(KeyRotation { program_id }): Input<KeyRotation>,
) -> Result<Response, Refusal> {
    let program_id = known_program(&service, program_id)?;
    let key = service.rotate_key(program_id)?.ok_or_else(no_program)?;
    let now_ms = service.lock().state.clock.now_ms();
    let new = NewKey {
        message: format!("Program {program_id} has a new key. The old one is invalid."),
        program_id,
        api_key: key.0,
        key_rotated_at: clock::iso(now_ms),
    };
    // Never a redirect: the key is shown only here.
    Ok(axum::response::IntoResponse::into_response(axum::Json(new)))
}

/// No fields at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an empty object or form")]
struct Nothing {}

/// The profile of a program: all of it, so what is left out is removed. A request without a body removes everything.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
struct ProfileUpdate {
    /// Default: the first program.
    #[schema(example = 42)]
    program_id: Option<u64>,
    /// URL of the logo.
    logo: Option<String>,
    /// URL of the shop.
    web_page: Option<String>,
    category: Option<String>,
    short_description: Option<String>,
    description: Option<String>,
}

/// Sets the profile of a program, on which the gate `profile` of readiness depends.
#[utoipa::path(post, path = "/profile", tag = "Sandbox", operation_id = "setProfile", request_body = Option<ProfileUpdate>,
    responses(
        (status = 200, description = "The profile is set", body = ActionResult),
        (status = 400, description = "The body is invalid", body = ControlError),
        (status = 404, description = "There is no such program", body = ControlError),
    ))]
async fn set_profile(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(sent): Input<ProfileUpdate>,
) -> Result<Response, Refusal> {
    let ProfileUpdate { program_id, logo, web_page, category, short_description, description } = sent;
    let profile = Profile { logo, web_page, category, short_description, description };
    let complete = if profile.is_complete() { "complete" } else { "incomplete" };
    let program_id = known_program(&service, program_id)?;
    service.change(|_| Change::Profile { program_id, profile })?;
    Ok(Done(json!({ "message": format!("The profile of program {program_id} is {complete}") })).respond_to(&headers))
}

/// Result of an action.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "used for the OpenAPI document only")]
struct ActionResult {
    message: String,
}

/// Runs a synthetic chain for the first program.
#[utoipa::path(post, path = "/chain", tag = "Sandbox", operation_id = "runChain",
    responses(
        (status = 200, description = "The chain ran", body = ActionResult),
        (status = 429, description = "More than 10 chains per hour", body = ControlError),
    ))]
async fn run_chain(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(Nothing {}): Input<Nothing>,
) -> Result<Response, Refusal> {
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

/// Deletes every event and request, and restores the initial state. Fault rules are kept.
#[utoipa::path(post, path = "/reset", tag = "Sandbox", operation_id = "reset",
    responses((status = 200, description = "Everything was deleted", body = ActionResult)))]
async fn reset(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(Nothing {}): Input<Nothing>,
) -> Result<Response, Refusal> {
    service.reset()?;
    Ok(Done(json!({ "message": "All events and requests deleted" })).respond_to(&headers))
}
