//! Polar's orders, in webhooks and in responses of its API.

use std::cmp::Reverse;

use super::super::{
    Refused,
    read::{Fields, Found, Moment},
};
use crate::{
    ledger::{Attribution, Bill, Details, Facts, Object, Paid},
    unix_time::unix_seconds,
};

pub(in super::super) fn order(order: Fields<'_>, moment: Moment) -> Found<Facts> {
    let id = order.required_text("id")?;
    let is_paid = matches!(order.required_text("status")?, "paid" | "refunded" | "partially_refunded");
    let mut facts = Facts::default();
    let mut contradicts = false;
    let paid = if is_paid {
        let total = order.amount_or_zero("total_amount")?;
        // What is left to pay after a credit, which was paid before.
        let cents = if order.get("due_amount").is_some() { order.amount_or_zero("due_amount")? } else { total };
        let currency = order.currency_code("currency")?.ok_or(Refused::MissingField { field: "currency" })?;
        let mut paid = Paid::new(cents, currency, order.time("created_at").map_or(moment.at, unix_seconds));
        let signed = |field| order.get(field).and_then(serde_json::Value::as_i64);
        let tax = order.get("tax_amount").and_then(serde_json::Value::as_u64);
        paid.without_tax = match (signed("net_amount"), signed("applied_balance_amount")) {
            // A credit pays a part of the net amount, and a debt is paid with it.
            (Some(net), Some(balance)) => {
                Some((u64::try_from(net.saturating_add(balance)).unwrap_or(0).min(cents), cents))
            }
            _ => tax.filter(|_| total > 0).map(|tax| (total.saturating_sub(tax), total)),
        };
        contradicts = total > 0 && cents == 0 && signed("applied_balance_amount") == Some(0);
        paid.known_since = Reverse(moment.now);
        Some(paid)
    } else {
        None
    };
    let mut customer_key = None;
    for field in ["metadata.user_id", "customer.external_id", "customer_id"] {
        customer_key = order.id(field)?;
        if customer_key.is_some() {
            break;
        }
    }
    // A checkout link copies its parameter `reference_id` into the metadata.
    let click_id = order.click_id("metadata.affitor_click_id").or_else(|| order.click_id("metadata.reference_id"));
    let refunded = |field: &'static str| if order.get(field).is_some() { order.amount(field) } else { Ok(0) };
    let later = matches!(
        order.text("billing_reason")?,
        Some("subscription_cycle" | "subscription_update" | "subscription_meter_cycle")
    );
    let subscription_id = order.id("subscription_id")?;
    let bill = Bill {
        paid,
        attribution: Attribution {
            customer_key,
            click_id: click_id.map(|id| id.to_string()),
            program_id: order.id("metadata.program_id")?,
            ..Attribution::default()
        },
        source: None,
        customer: None,
        details: Details {
            recurring: subscription_id.is_some() && later,
            subscription_id,
            interval: None,
            product_id: order.id("product_id")?,
        },
        refunded_cents: refunded("refunded_amount")?.saturating_add(refunded("refunded_tax_amount")?),
        contradicts,
        ..Bill::default()
    };
    facts.add(id, Object::Bill(bill));
    Ok(facts)
}
