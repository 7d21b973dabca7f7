//! Events in test mode: kept apart, without effect on attribution, commissions or metrics.

use serde_json::{Value, json};

use crate::{fields::Fields, record::TestEventRecord, reply::Reply, state::State};

/// The amount of a test sale that has none, in cents.
const AMOUNT_CENTS: u64 = 9_999;

/// Records a test event. `program` is the one behind the key, where there was one; else
/// `additional_data.program_id` says it, as a text or a number.
pub(super) fn record(
    state: &mut State,
    now_ms: i64,
    fields: &Fields,
    event_type: &str,
    program: Option<usize>,
) -> Reply {
    let program_id = match program {
        Some(program) => Some(state.programs[program].id),
        None => fields.additional("program_id").and_then(program_id),
    };
    let sale = event_type == "sale";
    let sent = |name| fields.get(name).and_then(Value::as_str).filter(|id| !id.is_empty());
    let event_id = state.next_id();
    state.test_events.push(TestEventRecord {
        event_id,
        event_type: event_type.to_owned(),
        program_id,
        transaction_id: sale
            .then(|| sent("transaction_id").map_or_else(|| format!("test_txn_{now_ms}"), str::to_owned)),
        amount_cents: sale.then(|| fields.get("amount_cents").and_then(Value::as_u64).unwrap_or(AMOUNT_CENTS)),
        at_ms: now_ms,
    });
    Reply::ok(json!({
        "success": true,
        "message": format!("Test {event_type} event tracked successfully"),
        "data": { "eventId": event_id, "programId": program_id, "test_mode": true },
    }))
}

fn program_id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
