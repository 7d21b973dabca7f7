//! `GET /api/v1/cli/status?program_id=`, with the key, and the dashboard's `GET /api/tracking/status/<program>`, which is
//! open here and asks for a login there.

use serde_json::json;

use crate::{
    auth,
    clock::iso,
    program::{PartnerState, Payout},
    readiness::counts_24h,
    record::CommissionStatus,
    reply::Reply,
    state::State,
};

/// The health of the key's program. Checks: the key, that `program_id` is there, and that it is the key's.
pub(crate) fn cli(state: &State, authorization: Option<&[u8]>, query: &str, now_ms: i64) -> Reply {
    let program = match auth::program_of(&state.programs, authorization) {
        Ok(program) => program,
        Err(refused) => return refused,
    };
    let asked = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "program_id");
    let settings = &state.programs[program];
    match asked {
        None => return Reply::error(400, "program_id is required"),
        Some((_, id)) if id != settings.id.to_string() => return Reply::error(404, "Program not found"),
        Some(_) => {}
    }
    let (clicks, leads, sales) = counts_24h(state, settings.id, now_ms);
    let partners = state.partners.iter().filter(|partner| partner.program == program);
    let pending = state.commissions.iter().filter(|commission| {
        commission.program_id == settings.id
            && commission.status != CommissionStatus::Reversed
            && commission.held_until_ms > now_ms
    });
    Reply::ok(json!({
        "program_id": settings.id.to_string(),
        "name": format!("Sandbox program {}", settings.id),
        "domain": "localhost",
        "dns_verified": true,
        "stripe_connected": settings.payout == Payout::Stripe,
        "stripe_charges_enabled": settings.payout == Payout::Stripe,
        "recent_events": { "clicks_24h": clicks, "leads_24h": leads, "sales_24h": sales },
        "active_partners": partners.filter(|partner| partner.state == PartnerState::Active).count(),
        "pending_commissions": pending.count(),
    }))
}

/// Which steps of the set-up real or test events have completed.
pub(crate) fn dashboard(state: &State, program_id: &str, now_ms: i64) -> Reply {
    let Some(program) = state.program_of_id(program_id) else {
        return Reply::cms_error(404, "NotFoundError", "Program not found");
    };
    let id = state.programs[program].id;
    let tested =
        |kind: &str| state.test_events.iter().any(|event| event.event_type == kind && event.program_id == Some(id));
    let clicks = state.clicks.iter().filter(|click| click.program_id == id).count();
    let leads = state.leads.iter().filter(|lead| lead.program_id == id).count();
    let sales = state.sales.iter().filter(|sale| sale.program_id == id).count();
    let step = |done: bool| if done { "complete" } else { "pending" };
    Reply::ok(json!({ "data": {
        "programId": id,
        "stepStatuses": {
            "pageview": step(clicks > 0 || tested("click")),
            "referrals": step(leads > 0 || tested("lead")),
            "payments": step(sales > 0 || tested("sale")),
        },
        "statistics": { "clicks": clicks, "leads": leads, "sales": sales },
        "hasPartners": state.partners.iter().any(|partner| partner.program == program),
        "lastUpdated": iso(now_ms),
    } }))
}
