//! `POST /api/v1/cli/test-event`: a synthetic click, lead and sale, or (the old form) a single event.
//!
//! The chain is played: its click and lead are always attributed, and its sale is where the program has a commission policy.
//! `wrong_partner` and `pending`, which the service knows, do not occur.
//!
//! Checks, in this order: the key; the form; for a chain, the limit of 10 a program an hour.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call, Decision, Reply, auth,
    reply::{CodedError, ErrorText},
    test_mode,
};
use crate::{change::Change, record::ChainRecord, state::State};

/// How many chains a program may run an hour.
const AN_HOUR: usize = 10;
const HOUR_MS: i64 = 60 * 60 * 1000;

#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it describes what is read")]
pub(super) enum TestEventBody {
    Chain(ChainRequest),
    Single(SingleRequest),
}

/// A synthetic click, lead and sale.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what is read")]
pub(super) struct ChainRequest {
    #[schema(pattern = "^chain$")]
    r#type: String,
}

/// The old form: an event is inserted, and nothing is proved.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what is read")]
pub(super) struct SingleRequest {
    #[schema(pattern = "^(click|lead|sale)$")]
    event_type: String,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum TestEventAnswer {
    Chain(ChainAnswer),
    Single(SingleAnswer),
}

#[derive(Serialize, ToSchema)]
pub(super) struct ChainAnswer {
    data: ChainRun,
}

#[derive(Serialize, ToSchema)]
struct ChainRun {
    r#type: &'static str,
    short_code: String,
    customer_key: String,
    verdict: Verdicts,
    /// What `verdict.sale` says.
    attributed: bool,
}

/// What became of each step.
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
}

impl Verdicts {
    /// Of a chain whose sale was attributed, or not.
    pub(super) fn of(attributed: bool) -> Self {
        let sale = if attributed { Verdict::Attributed } else { Verdict::Unattributed };
        Self { click: Verdict::Attributed, lead: Verdict::Attributed, sale }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct SingleAnswer {
    event_type: String,
    event_id: u64,
    received: bool,
    attributed: bool,
    message: &'static str,
}

/// Runs a synthetic chain: 10 a program an hour.
#[utoipa::path(
    post, path = "/api/v1/cli/test-event", tag = "Verification", operation_id = "testEvent",
    security(("key" = [])),
    request_body = TestEventBody,
    responses(
        (status = 200, description = "It ran", body = TestEventAnswer),
        (status = 400, description = "Neither a chain nor one of the three events", body = ErrorText),
        (status = 401, description = "The key is missing or wrong", body = ErrorText),
        (status = 429, description = "More than 10 chains an hour", body = CodedError,
            headers(("Retry-After" = u64, description = "In how many seconds to come back"))),
    ),
)]
pub(super) fn test_event(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = auth::program_of(&state.programs, call.authorization)?;
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

/// A chain for the program at this place.
pub(crate) fn run_chain(state: &State, program: usize, now_ms: i64) -> Result<Decision, Reply> {
    let id = state.programs[program].id;
    let within =
        state.chains.iter().filter(|chain| chain.program_id == id && now_ms.saturating_sub(chain.at_ms) < HOUR_MS);
    // The tenth from the end is the one whose hour must pass first.
    if let Some(first) = within.rev().nth(AN_HOUR - 1) {
        let seconds = first.at_ms.saturating_add(HOUR_MS).saturating_sub(now_ms).saturating_add(999) / 1000;
        let seconds = u64::try_from(seconds).unwrap_or_default();
        return Err(Reply::rate_limited("Too many synthetic chains (max 10/program/hour).", seconds));
    }
    let attributed = state.programs[program].commission.is_some();
    let chain = ChainRecord { id: state.id_after(1), program_id: id, at_ms: now_ms, attributed };
    let reply = Reply::ok(&TestEventAnswer::Chain(ChainAnswer {
        data: ChainRun {
            r#type: "chain",
            short_code: format!("afftest{id}"),
            customer_key: format!("aff_test_ck_{id}_{now_ms}_{:06x}", chain.id),
            verdict: Verdicts::of(attributed),
            attributed,
        },
    }));
    Ok(Decision::changing(Change::Chain(chain), reply))
}

fn single(state: &State, program: usize, kind: &str, now_ms: i64) -> Decision {
    let event = test_mode::bare(state, now_ms, kind, Some(state.programs[program].id));
    let reply = Reply::ok(&TestEventAnswer::Single(SingleAnswer {
        event_type: kind.to_owned(),
        event_id: event.event_id,
        received: true,
        attributed: false,
        message: "Test event received. It proves nothing of attribution: run a chain.",
    }));
    Decision::changing(Change::TestEvent(event), reply)
}
