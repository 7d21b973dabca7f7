//! `GET /api/v1/programs/me/readiness`: five gates, computed from the settings and from the events that have arrived.
//!
//! - *profile*, *economics* and *payout* depend on the program's settings.
//! - *tracking* passes if real events or a chain have arrived (`receiving_events`), or if a page has fetched the tracker
//!   (`tracker_installed`; the script does not say for which program). The result of the tracker check is cached for one minute; `force_recheck=true` repeats the
//!   check, at most once per minute.
//! - *live* passes if the last chain was attributed or a real sale has arrived.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision, auth, chain::Verdicts};
use crate::reply::{CodedError, Reply};
use crate::{
    change::Change,
    clock::{DAY_MS, iso},
    program::{Payout, Program},
    record::ChainRecord,
    state::State,
};

/// How long a tracker check is cached, and the minimum interval between forced checks.
const CHECK_MS: i64 = 60 * 1000;

#[derive(Serialize, ToSchema)]
pub(super) struct ReadinessResponse {
    program_id: u64,
    state: ReadinessState,
    integration_verified: bool,
    /// Name of the first gate that fails.
    #[schema(pattern = "^(profile|economics|payout|tracking|live)$")]
    blocker: Option<&'static str>,
    gates: Gates,
    last_event_at: LastEvents,
    counts_24h: Counts,
    /// Time of the last rotation of the key.
    #[schema(format = DateTime)]
    key_rotated_at: Option<String>,
    poll: Poll,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReadinessState {
    Draft,
    Configuring,
    Ready,
    IntegrationVerified,
    LiveVerified,
}

#[derive(Serialize, ToSchema)]
struct Gates {
    profile: Gate,
    economics: Gate,
    payout: PayoutGate,
    tracking: TrackingGate,
    live: LiveGate,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GateStatus {
    Pass,
    Fail,
}

#[derive(Serialize, ToSchema)]
struct Gate {
    status: GateStatus,
    /// What to do if the gate fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_action: Option<&'static str>,
}

impl Gate {
    fn new(passes: bool, next_action: &'static str) -> Self {
        let status = if passes { GateStatus::Pass } else { GateStatus::Fail };
        Self { status, next_action: (!passes).then_some(next_action) }
    }

    fn passes(&self) -> bool {
        matches!(self.status, GateStatus::Pass)
    }
}

#[derive(Serialize, ToSchema)]
struct PayoutGate {
    #[serde(flatten)]
    gate: Gate,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(stripe|manual|s2s)$")]
    mode: Option<&'static str>,
    /// Endpoint for connecting an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    endpoint: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
struct TrackingGate {
    #[serde(flatten)]
    gate: Gate,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(tracker_installed|receiving_events)$")]
    detail: Option<&'static str>,
    #[schema(format = DateTime)]
    checked_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct LiveGate {
    #[serde(flatten)]
    gate: Gate,
    /// Verdicts of the last chain; `pending` before the first one.
    test_chain: Verdicts,
}

/// Time of the last real event of each type.
#[derive(Serialize, ToSchema)]
struct LastEvents {
    #[schema(format = DateTime)]
    click: Option<String>,
    #[schema(format = DateTime)]
    lead: Option<String>,
    #[schema(format = DateTime)]
    sale: Option<String>,
}

impl LastEvents {
    fn of(last: &LastEventTimes) -> Self {
        Self { click: last.click_ms.map(iso), lead: last.lead_ms.map(iso), sale: last.sale_ms.map(iso) }
    }
}

struct LastEventTimes {
    click_ms: Option<i64>,
    lead_ms: Option<i64>,
    sale_ms: Option<i64>,
}

impl LastEventTimes {
    fn of(state: &State, program: u64) -> Self {
        let mut clicks = state.clicks.values().rev().filter(|click| click.program_id == program);
        let mut leads = state.leads.iter().rev().filter(|lead| lead.program_id == program);
        let mut sales = state.sales.iter().rev().filter(|sale| sale.program_id == program);
        Self {
            click_ms: clicks.next().map(|click| click.at_ms),
            lead_ms: leads.next().map(|lead| lead.at_ms),
            sale_ms: sales.next().map(|sale| sale.at_ms),
        }
    }

    fn latest_ms(&self) -> Option<i64> {
        self.click_ms.max(self.lead_ms).max(self.sale_ms)
    }
}

#[derive(Serialize, ToSchema)]
struct Counts {
    clicks: u64,
    leads: u64,
    sales: u64,
}

#[derive(Serialize, ToSchema)]
struct Poll {
    retry_after_seconds: u64,
}

/// Reports whether the integration is ready.
#[utoipa::path(
    get, path = "/api/v1/programs/me/readiness", tag = "Verification", operation_id = "getReadiness",
    security(("key" = [])),
    params(("force_recheck" = Option<String>, Query, nullable = false, description =
        "`true` repeats the tracker check, at most once per minute; other values are ignored")),
    responses(
        (status = 200, description = "The readiness of the program", body = ReadinessResponse),
        (status = 401, description = "The key is missing or invalid", body = CodedError),
        (status = 500, description = "An enabled fault", body = CodedError),
    ),
)]
pub(super) fn readiness(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = auth::program_of(state, call).map_err(|_| Reply::invalid_key())?;
    let settings = &state.programs[program];
    let forced = call.query().any(|(name, value)| name == "force_recheck" && value == "true");
    let check = TrackerCheck::of(state, settings.id, forced, call.now_ms);
    let last_chain = state.chains.iter().rev().find(|chain| chain.program_id == settings.id);
    let last = LastEventTimes::of(state, settings.id);
    let real_events = last.latest_ms().is_some();
    let gates = gates(settings, &check, last_chain, &last);
    let blocker = [
        ("profile", gates.profile.passes()),
        ("economics", gates.economics.passes()),
        ("payout", gates.payout.gate.passes()),
        ("tracking", gates.tracking.gate.passes()),
        ("live", gates.live.gate.passes()),
    ]
    .into_iter()
    .find_map(|(name, passes)| (!passes).then_some(name));
    let (clicks, leads, sales) = counts_24h(state, settings.id, call.now_ms);
    let reply = Reply::ok(&ReadinessResponse {
        program_id: settings.id,
        state: match blocker {
            None if real_events => ReadinessState::LiveVerified,
            None => ReadinessState::IntegrationVerified,
            Some("profile") => ReadinessState::Draft,
            Some("live") => ReadinessState::Ready,
            Some(_) => ReadinessState::Configuring,
        },
        integration_verified: blocker.is_none(),
        blocker,
        gates,
        last_event_at: LastEvents::of(&last),
        counts_24h: Counts { clicks, leads, sales },
        key_rotated_at: settings.key_rotated_ms.map(iso),
        poll: Poll { retry_after_seconds: 5 },
    });
    Ok(Decision { reply, changes: Vec::from_iter(check.change) })
}

fn gates(settings: &Program, check: &TrackerCheck, last_chain: Option<&ChainRecord>, last: &LastEventTimes) -> Gates {
    let last_ms = last.latest_ms().max(last_chain.map(|chain| chain.at_ms));
    let receiving = last_ms.is_some();
    // The gate passes because of the last event, so the check is not older than that.
    let checked_ms = check.at_ms.max(last_ms.unwrap_or(check.at_ms));
    let payout_configured = settings.payout() != Payout::Missing;
    let live = last_chain.is_some_and(|chain| chain.attributed) || last.sale_ms.is_some();
    Gates {
        profile: Gate::new(settings.profile.is_complete(), "complete_program_profile"),
        economics: Gate::new(settings.pays_for_sales(), "set_commission_policy"),
        payout: PayoutGate {
            gate: Gate::new(payout_configured, "surface_stripe_connect_url"),
            mode: match settings.payout() {
                Payout::Stripe => Some("stripe"),
                Payout::Manual => Some("manual"),
                Payout::S2s => Some("s2s"),
                Payout::Missing => None,
            },
            endpoint: (!payout_configured).then_some("/api/v1/programs/me/stripe-connect"),
        },
        tracking: TrackingGate {
            gate: Gate::new(receiving || check.found, "install_tracker_or_send_events"),
            detail: if receiving { Some("receiving_events") } else { check.found.then_some("tracker_installed") },
            checked_at: Some(iso(checked_ms)),
        },
        live: LiveGate {
            gate: Gate::new(live, "run_synthetic_sale_chain"),
            test_chain: last_chain.map_or_else(Verdicts::pending, |chain| Verdicts::of(chain.attributed)),
        },
    }
}

/// A tracker check: the cached one, or a new one, which is a change.
struct TrackerCheck {
    at_ms: i64,
    found: bool,
    change: Option<Change>,
}

impl TrackerCheck {
    fn of(state: &State, program_id: u64, forced: bool, now_ms: i64) -> Self {
        let forced =
            forced && state.forced_checks_ms.get(&program_id).is_none_or(|last_ms| now_ms - last_ms >= CHECK_MS);
        match state.tracker_checks.get(&program_id).copied() {
            Some((at_ms, found)) if !forced && now_ms - at_ms < CHECK_MS => Self { at_ms, found, change: None },
            _ => Self {
                at_ms: now_ms,
                found: state.tracker_ms.is_some(),
                change: Some(Change::TrackerChecked { program_id, at_ms: now_ms, forced }),
            },
        }
    }
}

/// Returns the numbers of clicks, leads and sales of a program in the last 24 hours.
pub(super) fn counts_24h(state: &State, program_id: u64, now_ms: i64) -> (u64, u64, u64) {
    let from_ms = now_ms.saturating_sub(DAY_MS) + 1;
    // Records are in order of time, so the search ends at the first old one.
    let leads = state.leads.iter().rev().take_while(|lead| lead.at_ms >= from_ms);
    let sales = state.sales.iter().rev().take_while(|sale| sale.at_ms >= from_ms);
    (
        state.clicks_since(program_id, from_ms),
        leads.filter(|lead| lead.program_id == program_id).count() as u64,
        sales.filter(|sale| sale.program_id == program_id).count() as u64,
    )
}
