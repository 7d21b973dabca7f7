//! Lemon Squeezy's webhooks.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Details, PaymentIds, Script, details::rfc3339, script::Rendered, template::Values};

/// Lemon Squeezy has no choices of its own.
#[derive(Clone, Debug, Default)]
pub struct LemonSqueezyScript;

#[derive(Serialize)]
struct Event<'a> {
    meta: Meta<'a>,
    data: Value,
}

#[derive(Serialize)]
struct Meta<'a> {
    test_mode: bool,
    event_name: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    custom_data: Value,
    webhook_id: &'a str,
}

/// Without custom data, the member is missing.
fn is_empty(custom_data: &Value) -> bool {
    custom_data.as_object().is_none_or(serde_json::Map::is_empty)
}

const ORDER: &str = include_str!("lemon_squeezy/order.json");
const SUBSCRIPTION: &str = include_str!("lemon_squeezy/subscription.json");
const INVOICE: &str = include_str!("lemon_squeezy/invoice.json");

fn event(details: &Details, number: u16, event_name: &'static str, data: Value) -> Rendered {
    let webhook_id = details.uuid(number, details.period_number());
    let custom_data = details.metadata("user_id").into();
    let event = Event { meta: Meta { test_mode: false, event_name, custom_data, webhook_id: &webhook_id }, data };
    // PHP escapes slashes.
    let body = serde_json::to_string(&event).unwrap_or_default().replace('/', "\\/");
    Rendered { id: webhook_id, event_type: event_name, body }
}

/// Small integers, as Lemon Squeezy's: an app may store them in 32 bits.
fn number(details: &Details, of_payment: u64) -> u64 {
    (details.number % 2_000_000) * 1_000 + of_payment
}

fn order(details: &Details) -> u64 {
    number(details, 1)
}

/// Of the first payment, 4.
fn invoice(details: &Details) -> u64 {
    number(details, 4 + u64::from(details.period))
}

fn values(details: &Details) -> Values {
    let formatted = |cents: u64| json!(format!("${}.{:02}", cents / 100, cents % 100));
    let refunded = details.refunded();
    let (status, status_formatted) = match refunded {
        0 => ("paid", "Paid"),
        refunded if refunded == details.amount_cents => ("refunded", "Refunded"),
        _ => ("partial_refund", "Partially refunded"),
    };
    // A number, if it is one.
    let product = details.product_id.as_deref().unwrap_or("5");
    let product = product.parse::<u64>().map_or_else(|_| json!(product), |number| json!(number));
    Values::from([
        ("product", product),
        ("amount", json!(details.amount_cents)),
        ("amount_formatted", formatted(details.amount_cents)),
        ("discount", json!(details.discount_cents)),
        ("discount_formatted", formatted(details.discount_cents)),
        ("list", json!(details.list_price())),
        ("list_formatted", formatted(details.list_price())),
        ("billing_reason", json!(if details.period == 0 { "initial" } else { "renewal" })),
        ("changed_at", json!(rfc3339(details.now()))),
        ("currency", json!(details.currency.as_str())),
        ("customer", json!(number(details, 0))),
        ("email", json!(details.email)),
        ("identifier", json!(details.uuid(1, 0))),
        ("item", json!(number(details, 2))),
        ("order", json!(order(details))),
        ("order_number", json!(details.number % 2_000_000)),
        ("paid_at", json!(rfc3339(details.paid_at()))),
        ("period_end", json!(rfc3339(details.period().1))),
        ("refunded", json!(refunded)),
        ("refunded_at", json!((refunded > 0).then(|| rfc3339(details.now())))),
        ("refunded_formatted", formatted(refunded)),
        ("refunded_in_full", json!(refunded == details.amount_cents)),
        ("status", json!(status)),
        ("status_formatted", json!(status_formatted)),
        ("subscription", json!(number(details, 3))),
    ])
}

/// An object with its id.
fn object(values: &mut Values, template: &str, id: u64) -> Value {
    values.set("id", id);
    values.set("id_text", id.to_string());
    values.fill(template)
}

impl Script for LemonSqueezyScript {
    fn ids(&self, details: &Details) -> PaymentIds {
        let transaction_id = match details.period {
            0 => format!("ls_order_{}", order(details)),
            _ => format!("ls_invoice_{}", invoice(details)),
        };
        PaymentIds {
            transaction_id,
            customer_id: number(details, 0).to_string(),
            subscription_id: details.is_subscription.then(|| number(details, 3).to_string()),
            session_id: None,
            payment_intent_id: None,
            charge_id: None,
            invoice_id: None,
        }
    }

    fn paid(&self, details: &Details) -> Vec<Rendered> {
        let mut values = values(details);
        let mut events = Vec::new();
        if details.period == 0 {
            events.push(event(details, 10, "order_created", object(&mut values, ORDER, order(details))));
        }
        if details.is_subscription {
            if details.period == 0 {
                let subscription = object(&mut values, SUBSCRIPTION, number(details, 3));
                events.push(event(details, 11, "subscription_created", subscription));
            }
            let invoice = object(&mut values, INVOICE, invoice(details));
            events.push(event(details, 12, "subscription_payment_success", invoice));
        }
        events
    }

    fn refunded(&self, details: &Details, _: u64) -> Vec<Rendered> {
        let mut values = values(details);
        let mut events = Vec::new();
        if details.period == 0 {
            events.push(event(details, 10, "order_refunded", object(&mut values, ORDER, order(details))));
        }
        if details.is_subscription {
            let invoice = object(&mut values, INVOICE, invoice(details));
            events.push(event(details, 12, "subscription_payment_refunded", invoice));
        }
        events
    }
}
