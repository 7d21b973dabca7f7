//! *Track refund*. Checks, in this order:
//!
//! 1. the key
//! 2. `transaction_id`, then the types of the other fields
//! 3. the sale, which must belong to the key's program
//! 4. that the sale has a commission, and that the commission can still be reduced

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Call, Decision, Fields, auth, commission::share, fields::invalid_field};
use crate::reply::{ErrorText, Reply};
use crate::{
    change::Change,
    interpretations::SecondRefund,
    program::Program,
    record::{CommissionStatus, RefundRecord, SaleRecord},
    state::State,
};

/// Request body of a refund.
#[derive(ToSchema)]
pub(super) struct RefundRequest {
    /// Transaction id of the sale.
    #[schema(min_length = 1, max_length = 512, example = "txn_abc123")]
    transaction_id: String,
    /// In the currency's smallest unit. Missing or 0 means a full refund.
    #[schema(minimum = 0)]
    refund_amount_cents: Option<u64>,
    refund_reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RefundResponse {
    Deducted(DeductedRefund),
    Skipped(SkippedRefund),
    NoCommission(NoCommission),
}

/// The commission was reduced.
#[derive(Serialize, ToSchema)]
pub(super) struct DeductedRefund {
    success: bool,
    /// `reversed` (in full) or `refunded` (in part).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<&'static str>,
    /// Amount deducted from the commission, in dollars.
    #[serde(rename = "deductionAmount")]
    #[serde(serialize_with = "crate::number::serialize")]
    deduction_amount: f64,
    commission_id: u64,
}

/// The commission was reduced before.
#[derive(Serialize, ToSchema)]
pub(super) struct SkippedRefund {
    success: bool,
    status: &'static str,
    reason: &'static str,
    commission_id: u64,
}

/// The sale has no commission.
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
        (status = 200, description = "The commission was reduced, or there is nothing to reduce", body = RefundResponse),
        (status = 400, description = "A field is missing or invalid", body = ErrorText),
        (status = 401, description = "The key is missing or invalid", body = ErrorText),
        (status = 404, description = "The program has no sale with this transaction id", body = ErrorText),
    ),
)]
pub(super) fn refund(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = auth::program_of(state, call)?;
    let sent = read(call.fields()?)?;
    let settings = &state.programs[program];
    let sale = state
        .sale_of(&sent.transaction_id)
        .filter(|sale| sale.program_id == settings.id)
        .ok_or_else(|| Reply::error(404, "Sale not found for transaction_id"))?;
    let source = RefundSource { reason: sent.refund_reason, stripe_charge: None };
    Ok(decide(state, settings, sale, sent.refund_amount_cents, source, call.now_ms))
}

/// Why a refund is made, or by which charge of Stripe's.
#[derive(Default)]
pub(super) struct RefundSource {
    pub(super) reason: Option<String>,
    pub(super) stripe_charge: Option<String>,
}

/// Decides a refund of a sale. `amount` is `None` for a full refund.
pub(super) fn decide(
    state: &State,
    settings: &Program,
    sale: &SaleRecord,
    amount: Option<u64>,
    source: RefundSource,
    now_ms: i64,
) -> Decision {
    let Some(commission) = sale.commission_id.and_then(|id| state.commission(id)) else {
        let message = "Sale has no commission to reverse";
        let nothing = NoCommission { success: true, status: "no_commission", message };
        return Reply::nothing_recorded(message, &RefundResponse::NoCommission(nothing)).into();
    };
    let commission_id = commission.commission_id;
    let is_final = match commission.status {
        CommissionStatus::Earned => false,
        CommissionStatus::Refunded => settings.interpretations.second_refund == SecondRefund::Skipped,
        CommissionStatus::Reversed => true,
    };
    if is_final {
        let skipped = SkippedRefund { success: true, status: "skipped", reason: "already reversed", commission_id };
        return Reply::nothing_recorded("skipped: already reversed", &RefundResponse::Skipped(skipped)).into();
    }

    // Computed from the running total, so that many small refunds deduct as much as one large one.
    let refunded = amount.map_or(sale.amount_cents, |amount| commission.refunded_cents.saturating_add(amount));
    let refunded_cents = refunded.min(sale.amount_cents);
    let deduction_cents =
        share(commission.amount_cents, refunded_cents, sale.amount_cents).saturating_sub(commission.deducted_cents);
    let all = refunded_cents == sale.amount_cents;
    let refund = RefundRecord {
        program_id: settings.id,
        transaction_id: sale.transaction_id.clone(),
        refund_amount_cents: amount,
        refund_reason: source.reason,
        stripe_charge: source.stripe_charge,
        commission_id,
        deduction_cents,
        refunded_cents,
        status: if all { CommissionStatus::Reversed } else { CommissionStatus::Refunded },
        at_ms: now_ms,
    };
    let status = if all { "reversed" } else { "refunded" };
    let reply = Reply::ok(&RefundResponse::Deducted(DeductedRefund {
        success: true,
        status: (!(all && settings.interpretations.reversal_without_status)).then_some(status),
        // The service sends dollars.
        deduction_amount: deduction_cents as f64 / 100.0,
        commission_id,
    }));
    Decision::changing(Change::Refund(Box::new(refund)), reply)
}

fn read(fields: &Fields) -> Result<RefundRequest, Reply> {
    let transaction_id = match fields.get("transaction_id") {
        Some(Value::String(id)) if !id.is_empty() => fields.key("transaction_id")?.unwrap_or_default(),
        _ => return Err(Reply::error(400, "transaction_id is required")),
    };
    let refund_amount_cents = match fields.get("refund_amount_cents") {
        None => None,
        Some(amount) => {
            Some(Fields::amount(amount).ok_or_else(|| invalid_field("refund_amount_cents", "a non-negative integer"))?)
        }
    };
    Ok(RefundRequest {
        transaction_id,
        // 0 means a full refund, as does a missing amount.
        refund_amount_cents: refund_amount_cents.filter(|amount| *amount > 0),
        refund_reason: fields.text("refund_reason")?,
    })
}
