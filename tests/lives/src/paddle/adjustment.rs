//! Paddle's adjustments: refunds, chargebacks and credits.

use serde_json::{Value, json};

use super::payout::{earnings, fee};
use super::tell;
use super::transaction::Transaction;
use crate::money::{self, End, Step, Verdict};
use crate::story::Story;

/// Lets adjustments happen to a transaction. A credit gives no money back.
pub(super) fn aftermath(story: &mut Story<'_>, transaction: &Transaction) {
    let mut given_back = 0;
    for step in money::aftermath(story.rng, transaction.total) {
        given_back += step.given_back();
        match step {
            Step::Refund(amount, end) => refund(story, transaction, amount, end),
            Step::Dispute(amount, Verdict::Lost) => {
                story.note("chargeback");
                create(story, transaction, "chargeback", amount, "approved");
            }
            Step::Dispute(amount, Verdict::Won | Verdict::Warning) => {
                story.note("credit");
                create(story, transaction, "credit", amount, "approved");
            }
        }
    }
    story.give_back(&transaction.id, given_back);
}

fn refund(story: &mut Story<'_>, transaction: &Transaction, amount: u64, end: End) {
    if end == End::AtOnce {
        create(story, transaction, "refund", amount, "approved");
        return;
    }
    let mut adjustment = create(story, transaction, "refund", amount, "pending_approval");
    if story.rng.u8(..4) == 0 {
        tell(story, "adjustment.updated", &adjustment);
    }
    let late = end == End::Late;
    story.note(if late { "pending refund that succeeds" } else { "failed refund" });
    adjustment["status"] = json!(if late { "approved" } else { "rejected" });
    adjustment["updated_at"] = json!(story.now());
    tell(story, "adjustment.updated", &adjustment);
}

/// Creates an adjustment and announces it.
fn create(story: &mut Story<'_>, transaction: &Transaction, action: &str, amount: u64, status: &str) -> Value {
    let (id, item) = (story.ids.paddle(story.rng, "adj"), story.ids.paddle(story.rng, "adjitm"));
    let tax = (transaction.tax * amount).checked_div(transaction.total).unwrap_or(0);
    let kind = if amount == transaction.total { "full" } else { "partial" };
    let totals = json!({
        "subtotal": (amount - tax).to_string(),
        "tax": tax.to_string(),
        "total": amount.to_string(),
        "fee": fee(amount).to_string(),
        "earnings": earnings(amount, tax).to_string(),
        "currency_code": story.currency,
        "retained_fee": "0",
    });
    let adjustment = json!({
        "id": id,
        "action": action,
        "type": kind,
        "transaction_id": transaction.id,
        "subscription_id": transaction.json["subscription_id"],
        "customer_id": transaction.json["customer_id"],
        "reason": "requested by the customer",
        "credit_applied_to_balance": action == "credit",
        "currency_code": story.currency,
        "status": status,
        "items": [{
            "id": item,
            "item_id": transaction.item,
            "type": kind,
            "amount": amount.to_string(),
            "proration": null,
            "totals": {
                "subtotal": (amount - tax).to_string(),
                "tax": tax.to_string(),
                "total": amount.to_string(),
                "fee": "0",
                "earnings": earnings(amount, tax).to_string(),
                "breakdown": null,
                "currency_code": story.currency,
            },
        }],
        "totals": totals,
        "payout_totals": null,
        "created_at": story.now(),
        "updated_at": story.now(),
    });
    tell(story, "adjustment.created", &adjustment);
    adjustment
}
