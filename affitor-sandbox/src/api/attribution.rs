//! Attribution of a sale: its customer, the credited click, and the attribution window.

use super::Reply;
use crate::{
    clock::{DAY_MS, iso},
    interpretations::{SaleLookup, WindowStart},
    program::{PartnerState, Program},
    record::{ClickRecord, CustomerStatus},
    state::{Customer, State},
};

/// The customer exists, and not in this program, or has no click there.
const NO_ATTRIBUTION: &str = "No affiliate attribution found for this customer in this program";

/// Returns the customer with this key or click id.
///
/// A customer with a click takes precedence over one without (an unattributed lead).
pub(super) fn find_customer<'s>(
    state: &'s State,
    program: usize,
    customer_key: Option<&str>,
    click_id: Option<&str>,
) -> Result<&'s Customer, Reply> {
    // A verified payment settles a provisional lead.
    let by_key = customer_key.and_then(|key| {
        state.customer_of_key(program, key).or_else(|| state.customer_with_provisional_lead(program, key))
    });
    let by_click = click_id.and_then(|id| state.customer_of_click(id));
    let (first, second) = match state.programs[program].interpretations.sale_lookup {
        SaleLookup::CustomerKeyFirst => (by_key, by_click),
        SaleLookup::ClickIdFirst => (by_click, by_key),
    };
    let has_click = |customer: &&Customer| state.last_click(customer).is_some();
    first.filter(has_click).or(second.filter(has_click)).or(first).or(second).ok_or_else(|| {
        let is_elsewhere = |key| (0..state.programs.len()).any(|other| state.customer_of_key(other, key).is_some());
        if customer_key.is_some_and(is_elsewhere) {
            return Reply::error(400, NO_ATTRIBUTION);
        }
        let refused = Reply::error(400, "Customer not found. Provide customer_key or click_id.");
        hint_at_unknown_click(state, click_id, refused)
    })
}

/// Adds a hint to a refusal if the click id that was sent is unknown: the usual reason is a cookie that is older than the
/// sandbox's state.
pub(super) fn hint_at_unknown_click(state: &State, click_id: Option<&str>, refused: Reply) -> Reply {
    let Some(click_id) = click_id.filter(|id| !state.knows_click(id)) else { return refused };
    let id = if click_id.bytes().all(|byte| byte.is_ascii_graphic()) && click_id.len() <= 128 {
        format!("The click id {click_id}")
    } else {
        "The click id".to_owned()
    };
    let is_newer = |id: &str| id.rsplit('_').next().and_then(|ms| ms.parse::<i64>().ok()) >= Some(state.created_ms);
    let why = if state.memory().dropped_clicks > 0 && is_newer(click_id) {
        "It was dropped to stay within the memory limit. Start the sandbox with a higher --memory-limit.".to_owned()
    } else {
        let since = iso(state.created_ms);
        format!(
            "The sandbox was started or reset at {since}, so the cookie may be older. Reload a page with the tracker to record \
             a new click."
        )
    };
    refused.with_hint(format!("{id} is unknown here. {why}"))
}

/// Returns the customer's last click, if it is in this program and its partner can still earn commissions.
pub(super) fn credited_click<'s>(
    state: &'s State,
    program: usize,
    customer: &Customer,
) -> Result<&'s ClickRecord, Reply> {
    let bad = |text: &str| Reply::error(400, text);
    let click =
        state.credited_click(customer).filter(|_| customer.program == program).ok_or_else(|| bad(NO_ATTRIBUTION))?;
    match state.partner_state(&click.partner_code) {
        Some(PartnerState::LeftProgram) => Err(bad("No partner-program relationship found for this customer")),
        None => Err(bad("No partner-program relationship found for this customer").with_hint(format!(
            "The click belongs to a partner whom this sandbox does not have: {}. Start it with the same partners as before.",
            click.partner_code.chars().filter(char::is_ascii_graphic).collect::<String>()
        ))),
        Some(PartnerState::Deleted) => Err(bad("partnerId required to create commission")),
        Some(_) => Ok(click),
    }
}

/// State of the attribution window at the time of a sale.
pub(super) struct Window {
    /// Age of the click at which the window starts, in whole days.
    pub(super) age_days: i64,
    pub(super) expired: bool,
}

impl Window {
    pub(super) fn of(settings: &Program, customer: &Customer, credited: &ClickRecord, now_ms: i64) -> Self {
        let window_start = settings.interpretations.window_start;
        let start_ms = match window_start {
            WindowStart::FirstClick => customer.first_click_ms.unwrap_or(credited.at_ms),
            WindowStart::CreditedClick | WindowStart::UntilBound => credited.at_ms,
        };
        let age_ms = now_ms.saturating_sub(start_ms);
        let bound = window_start == WindowStart::UntilBound && customer.status != CustomerStatus::Click;
        // To the second: half a day after the last day is too late.
        let expired = age_ms / 1_000 > i64::from(settings.attribution_window_days) * (DAY_MS / 1_000) && !bound;
        Self { age_days: age_ms.div_euclid(DAY_MS), expired }
    }
}
