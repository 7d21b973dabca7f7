//! `GET /api/v1/cli/status?program_id=`, with the key, and the dashboard's `GET /api/tracking/status/<program>`, which is
//! open here and asks for a login there.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call, Decision, Reply, auth,
    readiness::counts_24h,
    reply::{CmsError, ErrorText},
};
use crate::{
    clock::iso,
    program::{PartnerState, Payout},
    record::CommissionStatus,
    state::State,
};

#[derive(Serialize, ToSchema)]
pub(super) struct StatusAnswer {
    program_id: String,
    name: String,
    domain: &'static str,
    dns_verified: bool,
    stripe_connected: bool,
    stripe_charges_enabled: bool,
    recent_events: RecentEvents,
    active_partners: usize,
    /// How many commissions are held.
    pending_commissions: usize,
}

#[derive(Serialize, ToSchema)]
struct RecentEvents {
    clicks_24h: usize,
    leads_24h: usize,
    sales_24h: usize,
}

#[derive(Serialize, ToSchema)]
pub(super) struct DashboardStatusAnswer {
    data: DashboardStatus,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DashboardStatus {
    program_id: u64,
    step_statuses: StepStatuses,
    statistics: Statistics,
    has_partners: bool,
    #[schema(format = DateTime)]
    last_updated: String,
}

#[derive(Serialize, ToSchema)]
struct StepStatuses {
    pageview: StepStatus,
    referrals: StepStatus,
    payments: StepStatus,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StepStatus {
    Complete,
    Pending,
}

#[derive(Serialize, ToSchema)]
struct Statistics {
    clicks: usize,
    leads: usize,
    sales: usize,
}

/// Says how the key's program does.
#[utoipa::path(
    get, path = "/api/v1/cli/status", tag = "Verification", operation_id = "getStatus",
    security(("key" = [])),
    params(("program_id" = String, Query, description = "The key's program", example = "42")),
    responses(
        (status = 200, description = "How it does", body = StatusAnswer),
        (status = 400, description = "No program is named", body = ErrorText),
        (status = 401, description = "The key is missing or wrong", body = ErrorText),
        (status = 404, description = "It is not the key's", body = ErrorText),
    ),
)]
pub(super) fn status(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = auth::program_of(&state.programs, call.authorization)?;
    let settings = &state.programs[program];
    match call.query().find(|(name, _)| name == "program_id") {
        None => return Err(Reply::error(400, "program_id is required")),
        Some((_, id)) if id != settings.id.to_string() => return Err(Reply::error(404, "Program not found")),
        Some(_) => {}
    }
    let (clicks_24h, leads_24h, sales_24h) = counts_24h(state, settings.id, call.now_ms);
    let partners = state.partners.iter().filter(|partner| partner.program == program);
    let pending = state.commissions.iter().filter(|commission| {
        commission.program_id == settings.id
            && commission.status != CommissionStatus::Reversed
            && commission.held_until_ms > call.now_ms
    });
    let answer = StatusAnswer {
        program_id: settings.id.to_string(),
        name: format!("Sandbox program {}", settings.id),
        domain: "localhost",
        dns_verified: true,
        stripe_connected: settings.payout == Payout::Stripe,
        stripe_charges_enabled: settings.payout == Payout::Stripe,
        recent_events: RecentEvents { clicks_24h, leads_24h, sales_24h },
        active_partners: partners.filter(|partner| partner.state == PartnerState::Active).count(),
        pending_commissions: pending.count(),
    };
    Ok(Reply::ok(&answer).into())
}

/// Says which steps of the set-up real or test events have completed.
#[utoipa::path(
    get, path = "/api/tracking/status/{program}", tag = "Dashboard", operation_id = "getDashboardStatus",
    params(("program" = u64, Path, description = "The program's id", example = 42)),
    responses(
        (status = 200, description = "The steps", body = DashboardStatusAnswer),
        (status = 404, description = "There is no such program", body = CmsError),
    ),
)]
pub(super) fn dashboard_status(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = state.program_of_id(call.program).ok_or_else(|| Reply::not_found("Program not found"))?;
    let id = state.programs[program].id;
    let tested =
        |kind: &str| state.test_events.iter().any(|event| event.event_type == kind && event.program_id == Some(id));
    let clicks = state.clicks.iter().filter(|click| click.program_id == id).count();
    let leads = state.leads.iter().filter(|lead| lead.program_id == id).count();
    let sales = state.sales.iter().filter(|sale| sale.program_id == id).count();
    let step = |done: bool| if done { StepStatus::Complete } else { StepStatus::Pending };
    let data = DashboardStatus {
        program_id: id,
        step_statuses: StepStatuses {
            pageview: step(clicks > 0 || tested("click")),
            referrals: step(leads > 0 || tested("lead")),
            payments: step(sales > 0 || tested("sale")),
        },
        statistics: Statistics { clicks, leads, sales },
        has_partners: state.partners.iter().any(|partner| partner.program == program),
        last_updated: iso(call.now_ms),
    };
    Ok(Reply::ok(&DashboardStatusAnswer { data }).into())
}
