//! `POST /api/tracking/check-test-events`: have test events arrived? And `POST /api/tracking/test`, with which the tracker
//! sends one. Both without a key.

use serde_json::{Value, json};

use crate::{clock::iso, record::TestEventRecord, reply::Reply, state::State, track::Call};

/// How many events of a kind are listed.
const LISTED: usize = 25;

/// The steps of the set-up, and the kind of event that each waits for.
const STEPS: [(&str, &str); 3] = [("pageview", "click"), ("referrals", "lead"), ("payments", "sale")];

pub(crate) fn check_test_events(state: &mut State, call: &Call<'_>) -> Reply {
    let (program_id, step) = match asked(state, call) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let json = |event: &TestEventRecord| json!({ "id": event.event_id, "event_type": event.event_type, "timestamp": iso(event.at_ms) });
    let wanted = |event: &&TestEventRecord| {
        event.program_id == Some(program_id) && step.is_none_or(|(_, kind)| event.event_type == kind)
    };
    let events: Vec<&TestEventRecord> = state.test_events.iter().rev().filter(wanted).collect();
    let of_kind = |kind: &str| -> Vec<Value> {
        events.iter().filter(|event| event.event_type == kind).take(LISTED).map(|event| json(event)).collect()
    };
    Reply::ok(json!({ "success": true, "data": {
        "hasTestEvents": !events.is_empty(),
        "eventCount": events.len(),
        "eventsByType": { "click": of_kind("click"), "lead": of_kind("lead"), "sale": of_kind("sale") },
        "latestTestEvent": events.first().map(|event| json(event)),
        "programId": program_id.to_string(),
        "advertiserId": 1,
        "stepId": step.map(|(name, _)| name),
    } }))
}

pub(crate) fn receive_test(state: &mut State, call: &Call<'_>) -> Reply {
    let (program_id, step) = match asked(state, call) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let (step, kind) = step.unwrap_or(STEPS[0]);
    let event_id = state.next_id();
    state.test_events.push(TestEventRecord {
        event_id,
        event_type: kind.to_owned(),
        program_id: Some(program_id),
        transaction_id: None,
        amount_cents: None,
        at_ms: call.now_ms,
    });
    Reply::ok(json!({
        "success": true,
        "message": "Test event received",
        "testEvent": { "id": event_id, "event_type": kind, "step_id": step, "timestamp": iso(call.now_ms) },
    }))
}

type Step = (&'static str, &'static str);

/// The program, as a text or a number, and the step where one is named.
fn asked(state: &State, call: &Call<'_>) -> Result<(u64, Option<Step>), Reply> {
    let fields = call.fields()?;
    let program_id = match fields.get("program_id") {
        None => return Err(Reply::error(400, "program_id is required")),
        Some(Value::String(id)) => id.parse().ok(),
        Some(id) => id.as_u64(),
    };
    let program_id = program_id
        .filter(|id| state.programs.iter().any(|program| program.id == *id))
        .ok_or_else(|| Reply::error(404, "Program not found"))?;
    let step = match fields.text("step_id")? {
        None => None,
        Some(name) => Some(
            STEPS
                .into_iter()
                .find(|(step, _)| *step == name)
                .ok_or_else(|| Reply::error(400, "step_id must be pageview, referrals or payments"))?,
        ),
    };
    Ok((program_id, step))
}
