//! Commissions: which sales pay one, and how much.

use crate::{
    clock::DAY_MS,
    commission::{Commission, CommissionKind},
    interpretations::PausedSale,
    program::Program,
    record::{ClickRecord, CommissionRecord, CommissionStatus},
    state::{Customer, State},
};

/// Returns the commission of a customer's next sale, if it pays one.
pub(super) fn for_sale(
    state: &State,
    settings: &Program,
    customer: &Customer,
    click: &ClickRecord,
    (amount_cents, product_id): (u64, Option<&str>),
    now_ms: i64,
) -> Option<CommissionRecord> {
    if settings.is_paused && settings.interpretations.paused_sale == PausedSale::WithoutCommission {
        return None;
    }
    let group = state.partner_group(&click.partner_code);
    let policy = settings.policy_for(group, product_id, now_ms);
    let policy = policy.filter(|policy| pays(state, *policy, customer, now_ms))?;
    Some(CommissionRecord {
        commission_id: state.next_commission_id(),
        program_id: settings.id,
        sale_id: state.next_sale_id(),
        partner_code: click.partner_code.clone(),
        policy,
        amount_cents: policy.fixed_cents.unwrap_or_else(|| policy.percent.of(amount_cents)),
        refunded_cents: 0,
        deducted_cents: 0,
        paid_cents: 0,
        status: CommissionStatus::Earned,
        at_ms: now_ms,
        held_until_ms: now_ms.saturating_add(i64::from(settings.hold_days) * DAY_MS),
    })
}

/// Whether a customer's next sale pays a commission.
fn pays(state: &State, policy: Commission, customer: &Customer, now_ms: i64) -> bool {
    let first_sale_ms = customer.sales.first().map_or(now_ms, |first| state.sales[*first].at_ms);
    match policy.kind {
        CommissionKind::OneTime => customer.sales.is_empty(),
        CommissionKind::Recurring { months } => {
            now_ms.saturating_sub(first_sale_ms) < i64::from(months).saturating_mul(30 * DAY_MS)
        }
        CommissionKind::Lifetime => true,
        CommissionKind::PerClick | CommissionKind::PerLead => false,
    }
}

/// Returns `amount * part / whole`, rounded to the nearest unit.
pub(super) fn share(amount: u64, part: u64, whole: u64) -> u64 {
    let (amount, part, whole) = (u128::from(amount), u128::from(part), u128::from(whole.max(1)));
    u64::try_from((amount * part + whole / 2) / whole).unwrap_or(u64::MAX)
}
