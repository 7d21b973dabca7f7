//! Amounts as Paddle writes them: strings in the currency's smallest unit.

use serde_json::{Value, json};

/// Totals of a payment: subtotal, discount, tax and total.
pub(super) fn totals(total: u64, tax: u64) -> Value {
    json!({
        "subtotal": (total - tax).to_string(),
        "discount": "0",
        "tax": tax.to_string(),
        "total": total.to_string(),
    })
}

/// Paddle's fee of an amount.
pub(super) fn fee(total: u64) -> u64 {
    total / 20
}

/// What the shop earns of an amount.
pub(super) fn earnings(total: u64, tax: u64) -> u64 {
    (total - tax).saturating_sub(fee(total))
}
