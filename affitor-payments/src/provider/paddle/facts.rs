//! Paddle's transactions and adjustments, in webhooks and in responses of its API.

use std::{cmp::Reverse, time::SystemTime};

use serde_json::Value;

use super::super::{
    Ignored, Refused,
    read::{Fields, Found, Moment, wrong},
};
use crate::{
    ledger::{Attribution, Bill, Details, Facts, Line, Lines, Object, Paid, Reversal, ReversalStatus, Source},
    unix_time::unix_seconds,
};

pub(in super::super) fn transaction(transaction: Fields<'_>, moment: Moment) -> Found<Facts> {
    let id = transaction.required_text("id")?;
    let mut facts = Facts::default();
    let paid = if transaction.required_text("status")? == "completed" {
        // What is left to pay after a credit, which was paid before.
        let (total, tax) = match transaction.get("details.totals.grand_total") {
            Some(_) => ("details.totals.grand_total", "details.totals.grand_total_tax"),
            None => ("details.totals.total", "details.totals.tax"),
        };
        let cents = transaction.amount_text_or_zero(total)?;
        let currency =
            transaction.currency_code("currency_code")?.ok_or(Refused::MissingField { field: "currency_code" })?;
        let at = captured_at(transaction).or_else(|| transaction.time("billed_at"));
        let at = at.or_else(|| transaction.time("created_at"));
        let mut paid = Paid::new(cents, currency, at.map_or(moment.at, unix_seconds));
        let tax = transaction.get(tax).or_else(|| transaction.get("details.totals.tax"));
        let tax = tax.and_then(Value::as_str).and_then(|tax| tax.parse::<u64>().ok());
        paid.without_tax = tax.map(|tax| (cents.saturating_sub(tax), cents));
        paid.known_since = Reverse(moment.now);
        Some(paid)
    } else {
        None
    };
    let attribution = Attribution {
        customer_key: transaction.id("custom_data.user_id")?,
        click_id: transaction.click_id("custom_data.affitor_click_id").map(|id| id.to_string()),
        program_id: transaction.id("custom_data.program_id")?,
        ..Attribution::default()
    };
    let subscription = transaction.text("subscription_id")?;
    if let Some(subscription) = subscription {
        facts.add(subscription, Object::Source(Source { attribution: attribution.clone(), ..Source::default() }));
    }
    let later = transaction.text("origin")?.is_some_and(|origin| origin.starts_with("subscription_"));
    let lines = paid.as_ref().and_then(|_| lines(transaction));
    let bill = Bill {
        paid,
        attribution,
        source: subscription.map(str::to_owned),
        customer: None,
        details: Details {
            recurring: subscription.is_some() && later,
            subscription_id: subscription.map(str::to_owned),
            ..Details::default()
        },
        lines,
        refunded_cents: 0,
        may_repeat_checkout: false,
        ..Bill::default()
    };
    facts.add(id, Object::Bill(bill));
    Ok(facts)
}

/// When the money was captured, which may be long after the bill.
fn captured_at(transaction: Fields<'_>) -> Option<SystemTime> {
    let payments = transaction.get("payments")?.as_array()?.iter().map(Fields);
    payments
        .filter(|payment| payment.get("status").is_some_and(|it| it == "captured"))
        .filter_map(|it| it.time("captured_at"))
        .max()
}

/// Reads what was sold. The items have the products, and the totals' lines what each one cost.
fn lines(transaction: Fields<'_>) -> Option<Lines> {
    let list = |path: &str| transaction.get(path).and_then(Value::as_array).map(Vec::as_slice);
    let items = list("items")?;
    let Some(costs) = list("details.line_items").filter(|costs| !costs.is_empty()) else {
        return Some(Lines::new([], items.is_empty()));
    };
    let read: Option<Vec<Line>> = costs.iter().map(|cost| line(Fields(cost), items)).collect();
    // A line that can't be read is missing.
    Some(Lines::new(read.clone().unwrap_or_default(), read.is_some()))
}

fn line(cost: Fields<'_>, items: &[Value]) -> Option<Line> {
    let of_item = || {
        let price = cost.get("price_id")?.as_str()?;
        let id_of = |item: &&Value| Fields(item).get("price.id").and_then(Value::as_str) == Some(price);
        Fields(items.iter().find(id_of)?).get("price.product_id")
    };
    let product = cost.get("product.id").or_else(of_item).and_then(Value::as_str);
    let name = cost.get("product.name").and_then(Value::as_str);
    let cents = cost.get("totals.total")?.as_str()?.parse().ok()?;
    Some(Line::new(product, name, cents, cost.get("quantity").and_then(Value::as_u64)))
}

pub(in super::super) fn adjustment(adjustment: Fields<'_>) -> Found<Facts> {
    let is_dispute = match adjustment.required_text("action")? {
        "refund" => false,
        "chargeback" => true,
        // The chargeback itself is marked as reversed as well.
        "chargeback_reverse" => return Err(Ignored::CannotBeUndone.into()),
        _ => return Err(Ignored::OtherType.into()),
    };
    let status = match adjustment.required_text("status")? {
        "approved" => ReversalStatus::Returned,
        "rejected" | "reversed" => ReversalStatus::NotReturned,
        _ => ReversalStatus::Pending,
    };
    let is_full = match adjustment.text("type")? {
        Some("full") => true,
        // Missing in older payloads.
        Some("partial") | None => false,
        _ => return Err(wrong("type", "full or partial")),
    };
    let amount = |name| adjustment.amount_text(name).ok();
    let totals = (amount("totals.subtotal"), amount("totals.tax"), amount("totals.total"));
    // Paddle returns tax alone when a customer adds a VAT number, and the type may be any.
    let is_tax_alone = matches!(totals, (Some(0), Some(tax), Some(total)) if tax > 0 && tax == total);
    let cents = if is_full && !is_tax_alone { None } else { Some(adjustment.amount_text("totals.total")?) };
    let net_cents = match totals {
        (Some(net), Some(tax), Some(total)) if net.saturating_add(tax) == total => cents.map(|_| net),
        _ => None,
    };
    let reversal = Reversal {
        of: adjustment.required_text("transaction_id")?.to_owned(),
        cents,
        net_cents,
        currency: if cents.is_some() { adjustment.currency_code("currency_code")? } else { None },
        status,
        is_dispute,
        created: adjustment.time("created_at").map(unix_seconds),
        ..Reversal::default()
    };
    let mut facts = Facts::default();
    facts.add(adjustment.required_text("id")?, Object::Reversal(reversal));
    Ok(facts)
}
