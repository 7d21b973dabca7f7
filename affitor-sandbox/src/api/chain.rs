//! `POST /api/v1/cli/test-event`: a synthetic click, lead and sale, or a single event in the old form.
//!
//! The chain is simulated: its click and lead are always attributed; its sale is attributed if the program has a
//! commission policy that pays for sales. The service's verdict `wrong_partner` does not occur, and `pending` only before the first chain.
//!
//! Checks, in this order: the key; the form; for a chain, the limit of 10 per program and hour.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision, auth, test_mode};
use crate::reply::{CodedError, ErrorText, Reply};
use crate::{
    change::Change,
    record::{ChainRecord, TestEventRecord},
    state::State,
};

/// Maximum number of chains per program and hour.
const CHAINS_PER_HOUR: usize = 10;
const HOUR_MS: i64 = 60 * 60 * 1000;

#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "used for the OpenAPI document only")]
pub(super) enum TestEventBody {
    Chain(ChainRequest),
    Single(SingleRequest),
}

/// A synthetic click, lead and sale.
#[derive(ToSchema)]
#[allow(dead_code, reason = "used for the OpenAPI document only")]
pub(super) struct ChainRequest {
    #[schema(pattern = "^chain$")]
    r#type: String,
}

/// The old form: inserts an event without checking attribution.
#[derive(ToSchema)]
#[allow(dead_code, reason = "used for the OpenAPI document only")]
pub(super) struct SingleRequest {
    #[schema(pattern = "^(click|lead|sale)$")]
    event_type: String,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum TestEventResponse {
    Chain(ChainResponse),
    Single(SingleResponse),
}

#[derive(Serialize, ToSchema)]
pub(super) struct ChainResponse {
    data: ChainRun,
}

#[derive(Serialize, ToSchema)]
struct ChainRun {
    r#type: &'static str,
    short_code: String,
    customer_key: String,
    verdict: Verdicts,
    /// Whether `verdict.sale` is `attributed`.
    attributed: bool,
}

/// Verdict on each step.
#[derive(Serialize, ToSchema)]
pub(super) struct Verdicts {
    click: Verdict,
    lead: Verdict,
    sale: Verdict,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Attributed,
    Unattributed,
    Pending,
}

impl Verdicts {
    /// Verdicts before any chain has run.
    pub(super) fn pending() -> Self {
        Self { click: Verdict::Pending, lead: Verdict::Pending, sale: Verdict::Pending }
    }

    /// Verdicts of a chain whose sale was attributed, or not.
    pub(super) fn of(attributed: bool) -> Self {
        let sale = if attributed { Verdict::Attributed } else { Verdict::Unattributed };
        Self { click: Verdict::Attributed, lead: Verdict::Attributed, sale }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct SingleResponse {
    event_type: String,
    event_id: String,
    received: bool,
    attributed: bool,
    message: &'static str,
}

/// Runs a synthetic chain, at most 10 per program and hour.
#[utoipa::path(
    post, path = "/api/v1/cli/test-event", tag = "Verification", operation_id = "testEvent",
    security(("key" = [])),
    request_body = TestEventBody,
    responses(
        (status = 200, description = "The chain ran", body = TestEventResponse),
        (status = 400, description = "Neither a chain nor one of the three event types", body = ErrorText),
        (status = 401, description = "The key is missing or invalid", body = ErrorText),
        (status = 429, description = "More than 10 chains per hour", body = CodedError,
            headers(("Retry-After" = u64, description = "Seconds until the next attempt"))),
    ),
)]
pub(super) fn test_event(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = auth::program_of(state, call)?;
    let fields = call.fields()?;
    let text = |name| fields.get(name).and_then(serde_json::Value::as_str);
    match (text("type"), text("event_type")) {
        (Some("chain"), _) => run_chain(state, program, call.now_ms),
        (_, Some(kind @ ("click" | "lead" | "sale"))) => Ok(single(state, program, kind, call.now_ms)),
        _ => Err(Reply::error(
            400,
            "Invalid event_type: send {\"type\": \"chain\"}, or an event_type of click, lead or sale",
        )),
    }
}

/// Runs a chain for the program with this index.
pub(crate) fn run_chain(state: &State, program: usize, now_ms: i64) -> Result<Decision, Reply> {
    let id = state.programs[program].id;
    let recent =
        state.chains.iter().filter(|chain| chain.program_id == id && now_ms.saturating_sub(chain.at_ms) < HOUR_MS);
    // The limit is reached if there is a tenth chain, counted from the newest. Its hour must pass first.
    if let Some(first) = recent.rev().nth(CHAINS_PER_HOUR - 1) {
        let seconds = first.at_ms.saturating_add(HOUR_MS).saturating_sub(now_ms).saturating_add(999) / 1000;
        let seconds = u64::try_from(seconds).unwrap_or_default();
        return Err(Reply::rate_limited("Too many synthetic chains (max 10/program/hour).", seconds));
    }
    let attributed = state.programs[program].pays_for_sales();
    let chain = ChainRecord { id: state.event_id_after(4), program_id: id, at_ms: now_ms, attributed };
    let reply = Reply::ok(&TestEventResponse::Chain(ChainResponse {
        data: ChainRun {
            r#type: "chain",
            short_code: format!("afftest{id}"),
            customer_key: format!("aff_test_ck_{id}_{now_ms}_{:06x}", chain.id),
            verdict: Verdicts::of(attributed),
            attributed,
        },
    }));
    // Its rows are test events.
    let rows = ["click", "lead", "sale"].into_iter().zip(1..).map(|(kind, nth)| {
        let event_id = state.event_id_after(nth);
        Change::TestEvent(TestEventRecord { event_id, ..test_mode::bare(state, now_ms, kind, Some(id)) })
    });
    Ok(Decision { reply, changes: rows.chain([Change::Chain(chain)]).collect() })
}

fn single(state: &State, program: usize, kind: &str, now_ms: i64) -> Decision {
    let event = test_mode::bare(state, now_ms, kind, Some(state.programs[program].id));
    let reply = Reply::ok(&TestEventResponse::Single(SingleResponse {
        event_type: kind.to_owned(),
        event_id: event.event_id.to_string(),
        received: true,
        attributed: false,
        message: "Test event received. It does not test attribution: send {\"type\": \"chain\"} for that.",
    }));
    Decision::changing(Change::TestEvent(event), reply)
}
