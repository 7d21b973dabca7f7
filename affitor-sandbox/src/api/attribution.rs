//! Attribution of a sale: its customer, the credited click, and the attribution window.

use super::Reply;
use crate::{
    clock::DAY_MS,
    interpretations::{SaleLookup, WindowStart},
    program::{PartnerState, Program},
    record::{ClickRecord, CustomerStatus},
    state::{Customer, State},
};

/// Returns the index of the customer with this key or click id.
///
/// A customer with a click takes precedence over one without (an unattributed lead).
pub(super) fn find_customer(
    state: &State,
    program: usize,
    customer_key: Option<&str>,
    click_id: Option<&str>,
) -> Result<usize, Reply> {
    let by_key = customer_key.and_then(|key| state.customer_of_key(program, key));
    let by_click = click_id.and_then(|id| state.customer_of_click(id));
    let (first, second) = match state.programs[program].interpretations.sale_lookup {
        SaleLookup::CustomerKeyFirst => (by_key, by_click),
        SaleLookup::ClickIdFirst => (by_click, by_key),
    };
    let has_click = |customer: &usize| state.last_click(*customer).is_some();
    first
        .filter(has_click)
        .or(second.filter(has_click))
        .or(first)
        .or(second)
        .ok_or_else(|| Reply::error(400, "Customer not found. Provide customer_key or click_id."))
}

/// Returns the customer's last click, if it is in this program and its partner can still earn commissions.
pub(super) fn credited_click(state: &State, program: usize, customer: usize) -> Result<&ClickRecord, Reply> {
    let bad = |text: &str| Reply::error(400, text);
    let click = state
        .last_click(customer)
        .filter(|_| state.customers[customer].program == program)
        .ok_or_else(|| bad("No affiliate attribution found for this customer in this program"))?;
    match state.partner(&click.partner_code).map(|partner| state.partners[partner].state) {
        Some(PartnerState::LeftProgram) | None => Err(bad("No partner-program relationship found for this customer")),
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
    pub(super) fn of(
        state: &State,
        settings: &Program,
        customer: &Customer,
        credited: &ClickRecord,
        now_ms: i64,
    ) -> Self {
        let window_start = settings.interpretations.window_start;
        let start_ms = match window_start {
            WindowStart::FirstClick => {
                customer.clicks.first().map_or(credited.at_ms, |first| state.clicks[*first].at_ms)
            }
            WindowStart::CreditedClick | WindowStart::UntilBound => credited.at_ms,
        };
        // Whole days: the last day of the window is included.
        let age_days = now_ms.saturating_sub(start_ms).div_euclid(DAY_MS);
        let bound = window_start == WindowStart::UntilBound && customer.status != CustomerStatus::Click;
        let expired = age_days > i64::from(settings.attribution_window_days) && !bound;
        Self { age_days, expired }
    }
}
