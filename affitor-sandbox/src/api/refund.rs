//! *Track refund*. Checks, in this order:
//!
//! 1. the key
//! 2. `transaction_id`, then the types of the other fields
//! 3. the sale, in the key's program
//! 4. that it has a commission, of which something is left to take back

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Call, Decision, Fields, Reply, auth, fields::wrong, reply::ErrorText, sale::share};
use crate::{
    change::Change,
    program::SecondRefund,
    record::{CommissionStatus, RefundRecord},
    state::State,
};

/// What is sent of a refund.
#[derive(ToSchema)]
pub(super) struct RefundRequest {
    /// The sale's.
    #[schema(min_length = 1, example = "txn_abc123")]
    transaction_id: String,
    /// In the currency's smallest unit. All of the sale where it is absent or 0.
    #[schema(minimum = 0)]
    refund_amount_cents: Option<u64>,
    refund_reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RefundAnswer {
    Deducted(DeductedRefund),
    Skipped(SkippedRefund),
    NoCommission(NoCommission),
}

/// Something was taken back.
#[derive(Serialize, ToSchema)]
pub(super) struct DeductedRefund {
    success: bool,
    /// `reversed` (all of it) or `refunded` (a part).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<&'static str>,
    /// What was taken back of the commission, in dollars.
    #[serde(rename = "deductionAmount")]
    deduction_amount: f64,
    commission_id: u64,
}

/// It was taken back before.
#[derive(Serialize, ToSchema)]
pub(super) struct SkippedRefund {
    success: bool,
    status: &'static str,
    reason: &'static str,
    commission_id: u64,
}

/// There is nothing to take back.
#[derive(Serialize, ToSchema)]
pub(super) struct NoCommission {
    success: bool,
    status: &'static str,
    message: &'static str,
}

/// Reverses a sale's commission.
#[utoipa::path(
    post, path = "/api/v1/track/refund", tag = "Tracking", operation_id = "trackRefund",
    security(("key" = [])),
    request_body = RefundRequest,
    responses(
        (status = 200, description = "Taken back, or nothing to take back", body = RefundAnswer),
        (status = 400, description = "A field is missing or wrong", body = ErrorText),
        (status = 401, description = "The key is missing or wrong", body = ErrorText),
        (status = 404, description = "The program has no such sale", body = ErrorText),
    ),
)]
pub(super) fn refund(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = auth::program_of(&state.programs, call.authorization)?;
    let sent = read(call.fields()?)?;
    let settings = &state.programs[program];
    let sale = state
        .sale_of(&sent.transaction_id)
        .filter(|sale| sale.program_id == settings.id)
        .ok_or_else(|| Reply::error(404, "Sale not found for transaction_id"))?;
    let Some(commission) = sale.commission_id.and_then(|id| state.commission(id)) else {
        let message = "Sale has no commission to reverse";
        let nothing = NoCommission { success: true, status: "no_commission", message };
        return Ok(Reply::nothing_done(message, &RefundAnswer::NoCommission(nothing)).into());
    };
    let commission_id = commission.commission_id;
    let done = match commission.status {
        CommissionStatus::Earned => false,
        CommissionStatus::Refunded => settings.readings.second_refund == SecondRefund::Skipped,
        CommissionStatus::Reversed => true,
    };
    if done {
        let skipped = SkippedRefund { success: true, status: "skipped", reason: "already reversed", commission_id };
        return Ok(Reply::nothing_done("skipped: already reversed", &RefundAnswer::Skipped(skipped)).into());
    }

    // By the running total, so that many small refunds take back no less than one large one.
    let amount = sent.refund_amount_cents;
    let refunded = amount.map_or(sale.amount_cents, |amount| commission.refunded_cents.saturating_add(amount));
    let refunded_cents = refunded.min(sale.amount_cents);
    let deduction_cents =
        share(commission.amount_cents, refunded_cents, sale.amount_cents).saturating_sub(commission.deducted_cents);
    let all = refunded_cents == sale.amount_cents;
    let refund = RefundRecord {
        program_id: settings.id,
        transaction_id: sent.transaction_id,
        refund_amount_cents: amount,
        refund_reason: sent.refund_reason,
        commission_id,
        deduction_cents,
        refunded_cents,
        status: if all { CommissionStatus::Reversed } else { CommissionStatus::Refunded },
        at_ms: call.now_ms,
    };
    let status = if all { "reversed" } else { "refunded" };
    let reply = Reply::ok(&RefundAnswer::Deducted(DeductedRefund {
        success: true,
        status: (!(all && settings.readings.reversal_without_status)).then_some(status),
        // In dollars, as the service has it.
        deduction_amount: deduction_cents as f64 / 100.0,
        commission_id,
    }));
    Ok(Decision::changing(Change::Refund(Box::new(refund)), reply))
}

fn read(fields: &Fields) -> Result<RefundRequest, Reply> {
    let transaction_id = match fields.get("transaction_id") {
        Some(Value::String(id)) if !id.is_empty() => id.clone(),
        _ => return Err(Reply::error(400, "transaction_id is required")),
    };
    let refund_amount_cents = match fields.get("refund_amount_cents") {
        None => None,
        Some(amount) => Some(Fields::amount(amount).ok_or_else(|| wrong("refund_amount_cents", "a positive integer"))?),
    };
    Ok(RefundRequest {
        transaction_id,
        // 0 means all of it, as no amount does.
        refund_amount_cents: refund_amount_cents.filter(|amount| *amount > 0),
        refund_reason: fields.text("refund_reason")?,
    })
}
