//! `GET /api/v1/cli/status?program_id=`, which requires the API key, and the dashboard's
//! `GET /api/tracking/status/<program>`, for which the service requires a login and the sandbox doesn't.

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
pub(super) struct StatusResponse {
    program_id: String,
    name: String,
    domain: &'static str,
    dns_verified: bool,
    stripe_connected: bool,
    stripe_charges_enabled: bool,
    recent_events: RecentEvents,
    active_partners: usize,
    /// Number of commissions on hold.
    pending_commissions: usize,
}

#[derive(Serialize, ToSchema)]
struct RecentEvents {
    clicks_24h: usize,
    leads_24h: usize,
    sales_24h: usize,
}

#[derive(Serialize, ToSchema)]
pub(super) struct DashboardStatusResponse {
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

/// Reports the status of the key's program.
#[utoipa::path(
    get, path = "/api/v1/cli/status", tag = "Verification", operation_id = "getStatus",
    security(("key" = [])),
    params(("program_id" = String, Query, description = "The id of the key's program", example = "42")),
    responses(
        (status = 200, description = "The status of the program", body = StatusResponse),
        (status = 400, description = "`program_id` is missing", body = ErrorText),
        (status = 401, description = "The key is missing or invalid", body = ErrorText),
        (status = 404, description = "The key belongs to another program", body = ErrorText),
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
    let body = StatusResponse {
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
    Ok(Reply::ok(&body).into())
}

/// Reports which steps of the setup have been completed by real or test events.
#[utoipa::path(
    get, path = "/api/tracking/status/{program}", tag = "Dashboard", operation_id = "getDashboardStatus",
    params(("program" = u64, Path, description = "The program's id", example = 42)),
    responses(
        (status = 200, description = "The steps of the setup", body = DashboardStatusResponse),
        (status = 404, description = "The program was not found", body = CmsError),
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
    Ok(Reply::ok(&DashboardStatusResponse { data }).into())
}
