//! *Track refund*. Checks, in this order:
//!
//! 1. the key
//! 2. `transaction_id`, then the types of the other fields
//! 3. the sale, in the key's program
//! 4. that it has a commission, of which something is left to take back

use serde_json::{Value, json};

use super::{Call, sale::share};
use crate::{
    auth,
    fields::wrong,
    program::SecondRefund,
    record::{CommissionStatus, RefundRecord},
    reply::Reply,
    state::State,
};

pub(crate) fn refund(state: &mut State, call: &Call<'_>) -> Reply {
    record(state, call).unwrap_or_else(|refused| refused)
}

fn record(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let program = auth::program_of(&state.programs, call.authorization)?;
    let fields = call.fields()?;
    let transaction_id = match fields.get("transaction_id") {
        Some(Value::String(id)) if !id.is_empty() => id.clone(),
        _ => return Err(Reply::error(400, "transaction_id is required")),
    };
    let amount = match fields.get("refund_amount_cents") {
        // 0 means all of it, as no amount does.
        None => None,
        Some(amount) => amount
            .as_u64()
            .map(Some)
            .ok_or_else(|| wrong("refund_amount_cents", "a positive integer"))?
            .filter(|a| *a > 0),
    };
    let refund_reason = fields.text("refund_reason")?;

    let settings = state.programs[program].clone();
    let sale = state
        .sale_of(&transaction_id)
        .map(|place| state.sales[place].clone())
        .filter(|sale| sale.program_id == settings.id)
        .ok_or_else(|| Reply::error(404, "Sale not found for transaction_id"))?;
    let commission = sale
        .commission_id
        .and_then(|id| state.commissions.iter_mut().find(|commission| commission.commission_id == id));
    let Some(commission) = commission else {
        return Ok(Reply::ok(json!({
            "success": true, "status": "no_commission", "message": "Sale has no commission to reverse",
        })));
    };
    let done = match commission.status {
        CommissionStatus::Earned => false,
        CommissionStatus::Refunded => settings.readings.second_refund == SecondRefund::Skipped,
        CommissionStatus::Reversed => true,
    };
    if done {
        return Ok(Reply::ok(json!({
            "success": true,
            "status": "skipped",
            "reason": "already reversed",
            "commission_id": commission.commission_id,
        })));
    }

    // By the running total, so that many small refunds take back no less than one large one.
    let refunded = amount.map_or(sale.amount_cents, |amount| commission.refunded_cents.saturating_add(amount));
    let refunded = refunded.min(sale.amount_cents);
    let deduction_cents =
        share(commission.amount_cents, refunded, sale.amount_cents).saturating_sub(commission.deducted_cents);
    commission.refunded_cents = refunded;
    commission.deducted_cents += deduction_cents;
    let all = refunded == sale.amount_cents;
    commission.status = if all { CommissionStatus::Reversed } else { CommissionStatus::Refunded };
    let (commission_id, status) = (commission.commission_id, commission.status);
    state.refunds.push(RefundRecord {
        program_id: settings.id,
        transaction_id,
        refund_amount_cents: amount,
        refund_reason,
        commission_id,
        deduction_cents,
        status,
        at_ms: call.now_ms,
    });
    let mut answer = json!({
        "success": true,
        // In dollars, as the service has it.
        "deductionAmount": deduction_cents as f64 / 100.0,
        "commission_id": commission_id,
    });
    if !(all && settings.readings.reversal_without_status) {
        answer["status"] = json!(if all { "reversed" } else { "refunded" });
    }
    Ok(Reply::ok(answer))
}
