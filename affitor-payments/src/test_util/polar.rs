//! Polar's webhooks.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Details, PaymentIds, Script, details::rfc3339, script::Rendered, template::Values};

/// Polar has no choices of its own.
#[derive(Clone, Debug, Default)]
pub struct PolarScript;

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: String,
    data: Value,
}

const ORDER: &str = include_str!("polar/order.json");
const SUBSCRIPTION: &str = include_str!("polar/subscription.json");
const REFUND: &str = include_str!("polar/refund.json");

fn event(details: &Details, number: u16, event_type: &'static str, data: Value) -> Rendered {
    let event = Event { event_type, timestamp: rfc3339(details.now()), data };
    let id = details.uuid(0x10 + number, details.period_number());
    Rendered { id, event_type, body: serde_json::to_string(&event).unwrap_or_default() }
}

fn values(details: &Details) -> Values {
    let (period_start, period_end) = details.period();
    let reason = match (details.is_subscription, details.period) {
        (false, _) => "purchase",
        (true, 0) => "subscription_create",
        (true, _) => "subscription_cycle",
    };
    let of_period = |kind| json!(details.uuid(kind, details.period as usize + 1));
    let status = match details.refunded() {
        0 => "paid",
        refunded if refunded == details.amount_cents => "refunded",
        _ => "partially_refunded",
    };
    let ids = PolarScript.ids(details);
    let mut values = Values::from([
        ("amount", json!(details.amount_cents)),
        ("discount", json!(details.discount_cents)),
        ("list", json!(details.list_price())),
        ("billing_reason", json!(reason)),
        ("changed_at", json!(rfc3339(details.now()))),
        ("checkout", json!(details.uuid(1, 0))),
        ("currency", json!(details.currency.as_str().to_ascii_lowercase())),
        ("customer", json!(ids.customer_id)),
        ("email", json!(details.email)),
        ("interval", json!(details.is_subscription.then_some("month"))),
        ("interval_count", json!(details.is_subscription.then_some(1))),
        ("invoice_number", json!(format!("SHOP-{:08X}-{:04}", details.number & 0xffff_ffff, details.period + 1))),
        ("is_subscription", json!(details.is_subscription)),
        ("item", of_period(2)),
        ("metadata", details.metadata("user_id").into()),
        ("order", json!(ids.transaction_id)),
        ("organization", json!(details.uuid(4, 0))),
        ("paid", json!(true)),
        ("paid_at", json!(rfc3339(details.paid_at()))),
        ("period_end", json!(rfc3339(period_end))),
        ("period_start", json!(rfc3339(period_start))),
        ("price", json!(details.uuid(5, 0))),
        ("product", details.product(details.uuid(6, 0))),
        ("refund", json!(details.uuid(7, details.period_number()))),
        ("refund_amount", json!(details.refunds.last())),
        ("refunded", json!(details.refunded())),
        ("started_at", json!(rfc3339(details.started_at()))),
        ("status", json!(status)),
        ("subscription_id", json!(ids.subscription_id)),
    ]);
    let subscription = details.is_subscription.then(|| values.fill(SUBSCRIPTION));
    values.set("subscription", json!(subscription));
    values
}

impl Script for PolarScript {
    fn ids(&self, details: &Details) -> PaymentIds {
        PaymentIds {
            transaction_id: details.uuid(3, details.period as usize + 1),
            customer_id: details.uuid(8, 0),
            subscription_id: details.is_subscription.then(|| details.uuid(9, 0)),
            session_id: None,
            payment_intent_id: None,
            charge_id: None,
            invoice_id: None,
        }
    }

    fn paid(&self, details: &Details) -> Vec<Rendered> {
        let mut values = values(details);
        let paid = values.fill(ORDER);
        for (name, value) in [("paid", json!(false)), ("status", json!("pending")), ("changed_at", Value::Null)] {
            values.set(name, value);
        }
        vec![
            event(details, 0, "order.created", values.fill(ORDER)),
            event(details, 1, "order.paid", paid.clone()),
            event(details, 2, "order.updated", paid),
        ]
    }

    fn refunded(&self, details: &Details, _: u64) -> Vec<Rendered> {
        let values = values(details);
        let order = values.fill(ORDER);
        let mut refund = values;
        refund.set("status", "succeeded");
        vec![event(details, 0, "refund.created", refund.fill(REFUND)), event(details, 1, "order.refunded", order)]
    }
}
