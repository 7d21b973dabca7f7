//! Polar's refunds. An order's running totals tell net amount and tax apart, and contain successful refunds only.

use serde_json::{Value, json};

use super::order::{Order, tell};
use crate::money::{self, End, Step};
use crate::story::Story;

/// Lets refunds happen to an order. Polar settles disputes itself, so they are left out.
pub(super) fn aftermath(story: &mut Story<'_>, order: &mut Order) {
    let mut total = 0;
    for step in money::aftermath(story.rng, order.total) {
        let Step::Refund(amount, end) = step else { continue };
        let before = split(order, total);
        let after = split(order, total + amount);
        let mut refund = render(story, order, (after.0 - before.0, after.1 - before.1));
        match end {
            End::AtOnce => refund["status"] = json!("succeeded"),
            End::Late => story.note("pending refund that succeeds"),
            End::Never => story.note("failed refund"),
        }
        tell(story, "refund.created", &refund);
        if end != End::AtOnce {
            refund["status"] = json!(if end == End::Late { "succeeded" } else { "failed" });
            refund["modified_at"] = json!(story.now());
            tell(story, "refund.updated", &refund);
        }
        if end != End::Never {
            total += amount;
            count(story, order, total);
        }
    }
    story.give_back(&order.id, total);
}

/// Net amount and tax of a sum of refunds.
fn split(order: &Order, refunded: u64) -> (u64, u64) {
    let tax = (order.tax * refunded).checked_div(order.total).unwrap_or(0);
    (refunded - tax, tax)
}

/// Updates the running totals of an order.
fn count(story: &mut Story<'_>, order: &mut Order, total: u64) {
    let (net, tax) = split(order, total);
    order.json["refunded_amount"] = json!(net);
    order.json["refunded_tax_amount"] = json!(tax);
    order.json["status"] = json!(if total == order.total { "refunded" } else { "partially_refunded" });
    order.json["modified_at"] = json!(story.now());
    order.tell(story, "order.refunded");
    if story.rng.bool() {
        order.tell(story, "order.updated");
    }
}

fn render(story: &mut Story<'_>, order: &Order, (amount, tax): (u64, u64)) -> Value {
    let id = story.uuid();
    json!({
        "created_at": story.now(),
        "modified_at": null,
        "id": id,
        "metadata": {},
        "status": "pending",
        "reason": "customer_request",
        "amount": amount,
        "tax_amount": tax,
        "currency": order.json["currency"],
        "organization_id": order.json["customer"]["organization_id"],
        "order_id": order.id,
        "subscription_id": order.json["subscription_id"],
        "customer_id": order.json["customer_id"],
        "revoke_benefits": false,
        "dispute": null,
    })
}
