//! `POST /api/tracking/check-test-events`, which lists the test events that have arrived, and `POST /api/tracking/test`,
//! by which the tracker sends one. Neither requires a key.

use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use super::{Call, Decision, Fields, fields::invalid_field, test_mode};
use crate::reply::{CmsError, ErrorText, Reply};
use crate::{change::Change, clock::iso, record::TestEventRecord, state::State};

/// Maximum number of listed events per type.
const LISTED: usize = 25;

/// The steps of the setup, and the event type that each of them waits for.
const STEPS: [(&str, &str); 3] = [("pageview", "click"), ("referrals", "lead"), ("payments", "sale")];

/// A program and a step of its setup.
#[derive(ToSchema)]
#[allow(dead_code, reason = "used for the OpenAPI document only")]
pub(super) struct StepRequest {
    #[schema(example = 42)]
    program_id: ProgramId,
    /// `pageview`, `referrals` or `payments`.
    #[schema(pattern = "^(pageview|referrals|payments)$")]
    step_id: Option<String>,
}

/// Id of a program, as a string or a number.
struct ProgramId;

impl ToSchema for ProgramId {}

impl PartialSchema for ProgramId {
    fn schema() -> RefOr<Schema> {
        let types = [Type::String, Type::Integer];
        ObjectBuilder::new().schema_type(utoipa::openapi::schema::SchemaType::from_iter(types)).into()
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct FoundResponse {
    success: bool,
    data: Found,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Found {
    has_test_events: bool,
    event_count: usize,
    events_by_type: EventsByType,
    latest_test_event: Option<FoundEvent>,
    program_id: String,
    advertiser_id: u64,
    step_id: Option<&'static str>,
}

/// At most 25 events per type, newest first.
#[derive(Serialize, ToSchema)]
struct EventsByType {
    click: Vec<FoundEvent>,
    lead: Vec<FoundEvent>,
    sale: Vec<FoundEvent>,
}

#[derive(Serialize, ToSchema)]
struct FoundEvent {
    id: u64,
    event_type: String,
    #[schema(format = DateTime)]
    timestamp: String,
}

impl FoundEvent {
    fn of(event: &TestEventRecord) -> Self {
        Self { id: event.event_id, event_type: event.event_type.clone(), timestamp: iso(event.at_ms) }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReceivedResponse {
    success: bool,
    message: &'static str,
    test_event: ReceivedTest,
}

#[derive(Serialize, ToSchema)]
struct ReceivedTest {
    id: u64,
    event_type: &'static str,
    step_id: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
}

/// Lists the test events that have arrived.
#[utoipa::path(
    post, path = "/api/tracking/check-test-events", tag = "Verification", operation_id = "checkTestEvents",
    request_body = StepRequest,
    responses(
        (status = 200, description = "The events that have arrived", body = FoundResponse),
        (status = 400, description = "A field is missing or invalid", body = ErrorText),
        (status = 403, description = "The Host is not allowed", body = CmsError),
        (status = 404, description = "The program was not found", body = ErrorText),
    ),
)]
pub(super) fn check_test_events(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let (program_id, step) = read(state, call)?;
    let wanted = |event: &&TestEventRecord| {
        event.program_id == Some(program_id) && step.is_none_or(|(_, kind)| event.event_type == kind)
    };
    let events: Vec<&TestEventRecord> = state.test_events.iter().rev().filter(wanted).collect();
    let of_kind = |kind: &str| -> Vec<FoundEvent> {
        events.iter().filter(|event| event.event_type == kind).take(LISTED).map(|event| FoundEvent::of(event)).collect()
    };
    let data = Found {
        has_test_events: !events.is_empty(),
        event_count: events.len(),
        events_by_type: EventsByType { click: of_kind("click"), lead: of_kind("lead"), sale: of_kind("sale") },
        latest_test_event: events.first().map(|event| FoundEvent::of(event)),
        program_id: program_id.to_string(),
        advertiser_id: 1,
        step_id: step.map(|(name, _)| name),
    };
    Ok(Reply::ok(&FoundResponse { success: true, data }).into())
}

/// Records the tracker's test event.
#[utoipa::path(
    post, path = "/api/tracking/test", tag = "Browser", operation_id = "trackTest",
    request_body = StepRequest,
    responses(
        (status = 200, description = "The event was recorded", body = ReceivedResponse),
        (status = 400, description = "A field is missing or invalid", body = ErrorText),
        (status = 404, description = "The program was not found", body = ErrorText),
    ),
)]
pub(super) fn receive_test(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let (program_id, step) = read(state, call)?;
    let (step_id, event_type) = step.unwrap_or(STEPS[0]);
    let event = test_mode::bare(state, call.now_ms, event_type, Some(program_id));
    let test_event = ReceivedTest { id: event.event_id, event_type, step_id, timestamp: iso(call.now_ms) };
    let reply = Reply::ok(&ReceivedResponse { success: true, message: "Test event received", test_event });
    Ok(Decision::changing(Change::TestEvent(event), reply))
}

type Step = (&'static str, &'static str);

/// Parses the program id, which may be a string or a number, and the optional step.
fn read(state: &State, call: &Call<'_>) -> Result<(u64, Option<Step>), Reply> {
    let fields = call.fields()?;
    let sent = fields.get("program_id").ok_or_else(|| Reply::error(400, "program_id is required"))?;
    if !sent.is_string() && !sent.is_i64() && !sent.is_u64() {
        return Err(invalid_field("program_id", "a string or an integer"));
    }
    let expected = "pageview, referrals or payments";
    let step = fields.choice("step_id", &STEPS.map(|(step, _)| step), expected)?;
    let step = step.and_then(|name| STEPS.into_iter().find(|(step, _)| *step == name));
    let program_id = Fields::program_id(sent).filter(|id| state.program_index(*id).is_some());
    Ok((program_id.ok_or_else(|| Reply::error(404, "Program not found"))?, step))
}
