//! `GET /api/v1/programs/me/readiness`: five gates, which follow from what really arrived.
//!
//! - *profile*, *economics* and *payout* are the program's settings.
//! - *tracking* passes when real events or a chain have arrived (`receiving_events`), or a page has fetched the tracker
//!   (`tracker_installed`). The look for the tracker is kept for a minute; `force_recheck=true` looks again, once a minute.
//! - *live* passes when the last chain was attributed, or a real sale has arrived.

use serde_json::{Value, json};

use crate::{
    auth,
    clock::{DAY_MS, iso},
    program::Payout,
    reply::Reply,
    state::State,
};

/// How long a look for the tracker is kept, and how often one may be forced.
const CHECK_MS: i64 = 60 * 1000;

pub(crate) fn readiness(state: &mut State, authorization: Option<&[u8]>, forced: bool, now_ms: i64) -> Reply {
    let Ok(program) = auth::program_of(&state.programs, authorization) else {
        return Reply::coded_error(401, "invalid_key", "Invalid API token.");
    };
    let settings = state.programs[program].clone();
    let (checked_ms, tracker_there) = check_tracker(state, forced, now_ms);
    let last_chain = state.chains.iter().rev().find(|chain| chain.program == program).copied();
    let last = Last::of(state, settings.id);
    let receiving = last_chain.is_some() || last.any();

    let gate = |passes: bool, next_action: &str| {
        if passes { json!({ "status": "pass" }) } else { json!({ "status": "fail", "next_action": next_action }) }
    };
    let profile = gate(settings.profile_complete, "complete_program_profile");
    let economics = gate(settings.commission.is_some(), "set_commission_policy");
    let mut payout = gate(settings.payout != Payout::Missing, "surface_stripe_connect_url");
    match settings.payout {
        Payout::Stripe => payout["mode"] = json!("stripe"),
        Payout::Manual => payout["mode"] = json!("manual"),
        Payout::Missing => payout["endpoint"] = json!("/api/v1/programs/me/stripe-connect"),
    }
    let mut tracking = gate(receiving || tracker_there, "install_tracker_or_send_events");
    if receiving {
        tracking["detail"] = json!("receiving_events");
    } else if tracker_there {
        tracking["detail"] = json!("tracker_installed");
    }
    tracking["checked_at"] = json!(iso(checked_ms));
    let live_by_chain = last_chain.is_some_and(|chain| chain.attributed);
    let mut live = gate(live_by_chain || last.sale.is_some(), "run_synthetic_sale_chain");
    if let Some(chain) = last_chain {
        let sale = if chain.attributed { "attributed" } else { "unattributed" };
        live["test_chain"] = json!({ "click": "attributed", "lead": "attributed", "sale": sale });
    }

    let gates =
        [("profile", profile), ("economics", economics), ("payout", payout), ("tracking", tracking), ("live", live)];
    let blocker = gates.iter().find(|(_, gate)| gate["status"] != "pass").map(|(name, _)| *name);
    let state_word = match blocker {
        None if last.any() => "live_verified",
        None => "integration_verified",
        Some("profile") => "draft",
        Some("live") => "ready",
        Some(_) => "configuring",
    };
    let gates: serde_json::Map<String, Value> = gates.into_iter().map(|(name, gate)| (name.to_owned(), gate)).collect();
    let (clicks, leads, sales) = counts_24h(state, settings.id, now_ms);
    Reply::ok(json!({
        "program_id": settings.id,
        "state": state_word,
        "integration_verified": blocker.is_none(),
        "blocker": blocker,
        "gates": gates,
        "last_event_at": { "click": last.click.map(iso), "lead": last.lead.map(iso), "sale": last.sale.map(iso) },
        "counts_24h": { "clicks": clicks, "leads": leads, "sales": sales },
        "key_rotated_at": null,
        "poll": { "retry_after_seconds": 5 },
    }))
}

fn check_tracker(state: &mut State, forced: bool, now_ms: i64) -> (i64, bool) {
    let forced = forced && state.forced_check_ms.is_none_or(|last_ms| now_ms - last_ms >= CHECK_MS);
    if forced {
        state.forced_check_ms = Some(now_ms);
    }
    match state.tracker_check {
        Some(kept) if !forced && now_ms - kept.0 < CHECK_MS => kept,
        _ => *state.tracker_check.insert((now_ms, state.tracker_ms.is_some())),
    }
}

/// When the last real event of each kind came.
struct Last {
    click: Option<i64>,
    lead: Option<i64>,
    sale: Option<i64>,
}

impl Last {
    fn of(state: &State, program_id: u64) -> Self {
        Self {
            click: state.clicks.iter().rev().find(|click| click.program_id == program_id).map(|click| click.at_ms),
            lead: state.leads.iter().rev().find(|lead| lead.program_id == program_id).map(|lead| lead.at_ms),
            sale: state.sales.iter().rev().find(|sale| sale.program_id == program_id).map(|sale| sale.at_ms),
        }
    }

    fn any(&self) -> bool {
        self.click.or(self.lead).or(self.sale).is_some()
    }
}

/// How many clicks, leads and sales of a program came in the last 24 hours.
pub(crate) fn counts_24h(state: &State, program_id: u64, now_ms: i64) -> (usize, usize, usize) {
    let counts = |program: u64, at_ms: i64| program == program_id && now_ms - at_ms < DAY_MS;
    (
        state.clicks.iter().filter(|click| counts(click.program_id, click.at_ms)).count(),
        state.leads.iter().filter(|lead| counts(lead.program_id, lead.at_ms)).count(),
        state.sales.iter().filter(|sale| counts(sale.program_id, sale.at_ms)).count(),
    )
}
