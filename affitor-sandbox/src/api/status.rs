//! `GET /api/v1/cli/status?program_id=`. It requires the program's API key, or the session token of a person.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision, auth, readiness::counts_24h};
use crate::reply::{ErrorText, Reply};
use crate::{program::PartnerState, record::CommissionStatus, state::State};

#[derive(Serialize, ToSchema)]
pub(super) struct StatusResponse {
    program_id: String,
    name: String,
    domain: String,
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
    clicks_24h: u64,
    leads_24h: u64,
    sales_24h: u64,
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
    let id = call.query().find(|(name, _)| name == "program_id").map(|(_, id)| id.into_owned());
    let program = auth::program_with_id(state, call, id.as_deref().unwrap_or_default());
    if id.is_none() && !program.as_ref().is_err_and(|refused| refused.status == 401) {
        return Err(Reply::error(400, "program_id is required"));
    }
    let program = program?;
    let settings = &state.programs[program];
    let (clicks_24h, leads_24h, sales_24h) = counts_24h(state, settings.id, call.now_ms);
    let partners = state.partners_of(program);
    let pending = state.commissions.iter().filter(|commission| {
        commission.program_id == settings.id
            && commission.status != CommissionStatus::Reversed
            && commission.held_until_ms > call.now_ms
    });
    let body = StatusResponse {
        program_id: settings.id.to_string(),
        name: settings.name.clone(),
        domain: settings.domain.clone(),
        // The set-up of a new program does not verify it.
        dns_verified: settings.created_ms.is_none(),
        stripe_connected: settings.stripe.is_some(),
        stripe_charges_enabled: settings.stripe.is_some(),
        recent_events: RecentEvents { clicks_24h, leads_24h, sales_24h },
        active_partners: partners.filter(|partner| partner.state == PartnerState::Active).count(),
        pending_commissions: pending.count(),
    };
    Ok(Reply::ok(&body).into())
}
