//! Lemon Squeezy's refunds: running totals on orders and invoices. There are no events about pending refunds or disputes.

use serde_json::json;

use super::{Buyer, Payment, formatted};
use crate::money::{self, End, Step};
use crate::story::Story;

/// Lets refunds happen to a payment.
pub(super) fn aftermath(story: &mut Story<'_>, buyer: &Buyer, payment: &mut Payment) {
    let mut total = 0;
    for step in money::aftermath(story.rng, payment.total) {
        let Step::Refund(amount, End::AtOnce | End::Late) = step else { continue };
        total += amount;
        let told_twice = payment.twin.is_some() && story.rng.bool();
        let twin_first = story.rng.bool();
        if told_twice {
            story.note("refund told on the order and on the initial invoice");
        }
        if told_twice && twin_first {
            tell_twin(story, buyer, payment, total);
        }
        refund(story, buyer, payment, total);
        if told_twice && !twin_first {
            tell_twin(story, buyer, payment, total);
        }
    }
    story.give_back(&payment.sale, total);
}

fn tell_twin(story: &mut Story<'_>, buyer: &Buyer, payment: &mut Payment, total: u64) {
    if let Some(twin) = &mut payment.twin {
        refund(story, buyer, twin, total);
    }
}

/// Sets the running total of a payment and announces it.
fn refund(story: &mut Story<'_>, buyer: &Buyer, payment: &mut Payment, total: u64) {
    let full = total == payment.total;
    // A partly refunded order says `paid` in the documentation's example.
    let (status, label) = match (full, story.rng.bool()) {
        (true, _) => ("refunded", "Refunded"),
        (false, true) => ("partial_refund", "Partially refunded"),
        (false, false) => ("paid", "Paid"),
    };
    let now = story.now();
    let attributes = &mut payment.json["attributes"];
    attributes["refunded_amount"] = json!(total);
    attributes["refunded_amount_usd"] = json!(total);
    attributes["refunded_amount_formatted"] = json!(formatted(total));
    attributes["status"] = json!(status);
    attributes["status_formatted"] = json!(label);
    attributes["refunded"] = json!(full);
    attributes["refunded_at"] = if status == "paid" { json!(null) } else { json!(now) };
    attributes["updated_at"] = json!(now);
    let event = if payment.kind == "orders" { "order_refunded" } else { "subscription_payment_refunded" };
    payment.tell(story, buyer, event);
}
