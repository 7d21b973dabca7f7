//! `POST /api/v1/cli/test-event`: a synthetic click, lead and sale, or (the old form) a single event.
//!
//! Checks, in this order: the key; the form; for a chain, the limit of 10 a program an hour.

use serde_json::{Value, json};

use crate::{
    auth,
    record::TestEventRecord,
    reply::Reply,
    state::{Chain, State},
    track::Call,
};

/// How many chains a program may run an hour.
const AN_HOUR: usize = 10;
const HOUR_MS: i64 = 60 * 60 * 1000;

pub(crate) fn test_event(state: &mut State, call: &Call<'_>) -> Reply {
    run(state, call).unwrap_or_else(|refused| refused)
}

fn run(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let program = auth::program_of(&state.programs, call.authorization)?;
    let fields = call.fields()?;
    let text = |name| fields.get(name).and_then(Value::as_str);
    match (text("type"), text("event_type")) {
        (Some("chain"), _) => chain(state, program, call.now_ms),
        (_, Some(kind @ ("click" | "lead" | "sale"))) => Ok(single(state, program, kind, call.now_ms)),
        _ => Err(Reply::error(
            400,
            "Invalid event_type: send {\"type\": \"chain\"}, or an event_type of click, lead or sale",
        )),
    }
}

fn chain(state: &mut State, program: usize, now_ms: i64) -> Result<Reply, Reply> {
    let within = state.chains.iter().filter(|chain| chain.program == program && now_ms - chain.at_ms < HOUR_MS);
    // The tenth from the end is the one whose hour must pass first.
    if let Some(first) = within.rev().nth(AN_HOUR - 1) {
        let seconds = (first.at_ms + HOUR_MS - now_ms + 999) / 1000;
        let mut refused = Reply::coded_error(429, "rate_limited", "Too many synthetic chains (max 10/program/hour).");
        refused.body["error"]["status"] = json!(429);
        refused.body["error"]["retry_after_seconds"] = json!(seconds);
        refused.retry_after = u64::try_from(seconds).ok();
        return Err(refused);
    }
    let id = state.programs[program].id;
    let attributed = state.programs[program].commission.is_some();
    let number = state.next_id();
    state.chains.push(Chain { program, at_ms: now_ms, attributed });
    Ok(Reply::ok(json!({ "data": {
        "type": "chain",
        "short_code": format!("afftest{id}"),
        "customer_key": format!("aff_test_ck_{id}_{now_ms}_{number:06x}"),
        "verdict": {
            "click": "attributed",
            "lead": "attributed",
            "sale": if attributed { "attributed" } else { "unattributed" },
        },
        "attributed": attributed,
    } })))
}

/// The old form: an event is inserted, and nothing is proved.
fn single(state: &mut State, program: usize, kind: &str, now_ms: i64) -> Reply {
    let event_id = state.next_id();
    state.test_events.push(TestEventRecord {
        event_id,
        event_type: kind.to_owned(),
        program_id: Some(state.programs[program].id),
        transaction_id: None,
        amount_cents: None,
        at_ms: now_ms,
    });
    Reply::ok(json!({
        "event_type": kind,
        "event_id": event_id,
        "received": true,
        "attributed": false,
        "message": "Test event received. It proves nothing of attribution: run a chain.",
    }))
}
