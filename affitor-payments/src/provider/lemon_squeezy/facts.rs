//! Lemon Squeezy's orders and subscription invoices, in webhooks and in responses of its API.

use std::cmp::Reverse;

use serde_json::Value;

use super::super::{
    Ignored, Refused,
    read::{Fields, Found, Moment, wrong},
};
use crate::{
    ledger::{Attribution, Bill, Details, Facts, Object, Paid, Source},
    unix_time::unix_seconds,
};

/// Orders and invoices have separate number series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Series {
    Order,
    Invoice,
}

/// Reads a payment. `custom_data` is in webhooks if the checkout has some, and never in responses of the API.
pub(in super::super) fn payment(
    series: Series,
    data: Fields<'_>,
    custom_data: Option<&Value>,
    is_webhook: bool,
    moment: Moment,
) -> Found<Facts> {
    let number = data.required_id("id")?;
    let is_paid = match data.required_text("attributes.status")? {
        // An order that was refunded before its webhook was delivered was paid nevertheless.
        "paid" | "refunded" | "partial_refund" => true,
        "pending" | "failed" | "fraudulent" | "void" => false,
        _ => {
            let expected = "paid, pending, failed, fraudulent, void, refunded or partial_refund";
            return Err(wrong("attributes.status", expected));
        }
    };
    let paid = if is_paid {
        let cents = data.amount_or_zero("attributes.total")?;
        let field = "attributes.currency";
        let currency = data.currency_code(field)?.ok_or(Refused::MissingField { field })?;
        let at = data.time("attributes.created_at").map_or(moment.at, unix_seconds);
        let mut paid = Paid::new(cents, currency, at);
        let tax = data.get("attributes.tax").and_then(Value::as_u64);
        paid.without_tax = tax.map(|tax| (cents.saturating_sub(tax), cents));
        paid.known_since = Reverse(moment.now);
        Some(paid)
    } else {
        None
    };
    let attribution = attribution(custom_data)?;
    let mut facts = Facts::default();
    let subscription_id = if series == Series::Invoice { data.id("attributes.subscription_id")? } else { None };
    if let Some(id) = &subscription_id {
        facts.merge(named(subscription(id), &attribution));
    }
    let customer = data.id("attributes.customer_id")?.map(|id| format!("ls_customer_{id}"));
    // Anybody can name a user in an order that costs nothing, or that fails.
    let is_proof = attribution.customer_key.is_some() && paid.as_ref().is_some_and(|paid| paid.cents > 0);
    if let Some(customer) = customer.as_ref().filter(|_| is_proof) {
        facts.add(customer, Object::Source(Source::customer(&attribution)));
    }
    if series == Series::Invoice && data.required_text("attributes.billing_reason")? == "initial" {
        let counted = Ignored::CountedElsewhere { by: "order_created and order_refunded" };
        return if facts.is_empty() { Err(counted.into()) } else { Ok(facts) };
    }
    // An address may change, so it is used only if nothing else is known, and never from the API.
    let email = if is_webhook { data.id("attributes.user_email")? } else { None };
    let refunded = "attributes.refunded_amount";
    let refunded_cents = match data.get(refunded) {
        Some(_) => data.amount(refunded)?,
        // Older payloads have only the status.
        None if data.text("attributes.status")? == Some("refunded") => data.amount_or_zero("attributes.total")?,
        None => 0,
    };
    let id = match series {
        Series::Order => format!("ls_order_{number}"),
        Series::Invoice => format!("ls_invoice_{number}"),
    };
    let bill = Bill {
        paid,
        attribution,
        fallback: Attribution { customer_key: email, ..Attribution::default() },
        source: Some(subscription_id.as_ref().map_or_else(|| checkout(&number), |id| subscription(id))),
        customer,
        details: Details {
            recurring: series == Series::Invoice,
            subscription_id,
            interval: None,
            product_id: data.id("attributes.first_order_item.product_id")?,
        },
        refunded_cents,
        ..Bill::default()
    };
    facts.add(id, Object::Bill(bill));
    Ok(facts)
}

/// Reads whose subscription it is, and so whose order began it. `None` if it names nobody.
pub(in super::super) fn new_subscription(data: Fields<'_>, custom_data: Option<&Value>) -> Found<Option<Facts>> {
    let attribution = attribution(custom_data)?;
    let mut facts = named(subscription(&data.required_id("id")?), &attribution);
    if let Some(order) = data.id("attributes.order_id")? {
        facts.merge(named(checkout(&order), &attribution));
    }
    Ok(Some(facts).filter(|facts| !facts.is_empty()))
}

/// A source that names somebody, or nothing.
fn named(source: String, attribution: &Attribution) -> Facts {
    let mut facts = Facts::default();
    if attribution.names_somebody() {
        facts.add(source, Object::Source(Source { attribution: attribution.clone(), ..Source::default() }));
    }
    facts
}

fn subscription(id: &str) -> String {
    format!("ls_subscription_{id}")
}

/// The checkout of an order.
fn checkout(order: &str) -> String {
    format!("ls_checkout_{order}")
}

fn attribution(custom_data: Option<&Value>) -> Result<Attribution, Refused> {
    let custom = Fields(custom_data.unwrap_or(&Value::Null));
    Ok(Attribution {
        customer_key: custom.id("user_id")?,
        click_id: custom.click_id("affitor_click_id").map(|id| id.to_string()),
        program_id: custom.id("program_id")?,
        ..Attribution::default()
    })
}
