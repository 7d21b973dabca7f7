//! Paddle's webhooks.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Details, PaymentIds, Script, details::rfc3339, script::Rendered, template::Values};

/// Paddle has no choices of its own.
#[derive(Clone, Debug, Default)]
pub struct PaddleScript;

#[derive(Serialize)]
struct Event<'a> {
    event_id: &'a str,
    event_type: &'a str,
    occurred_at: String,
    notification_id: String,
    data: Value,
}

const TRANSACTION: &str = include_str!("paddle/transaction.json");
const ADJUSTMENT: &str = include_str!("paddle/adjustment.json");

fn event(details: &Details, number: usize, event_type: &'static str, data: Value) -> Rendered {
    let number = details.period_number() * 10 + number;
    let (id, notification_id) = (details.ulid("evt", number), details.ulid("ntf", number));
    let event = Event { event_id: &id, event_type, occurred_at: rfc3339(details.now()), notification_id, data };
    let body = serde_json::to_string(&event).unwrap_or_default();
    Rendered { id, event_type, body }
}

fn values(details: &Details) -> Values {
    let amount = details.amount_cents;
    let fee = amount / 20;
    let refund = details.refunds.last().copied().unwrap_or_default();
    let (start, end) = details.period();
    let of_subscription = |value: Value| if details.is_subscription { value } else { Value::Null };
    let custom_data = details.metadata("user_id");
    let of_period = |prefix| json!(details.ulid(prefix, details.period as usize + 1));
    let of_refund = |prefix| json!(details.ulid(prefix, details.period_number()));
    let ids = PaddleScript.ids(details);
    Values::from([
        ("address", json!(details.ulid("add", 0))),
        ("adjustment", of_refund("adj")),
        ("adjustment_item", of_refund("adjitm")),
        ("amount_text", json!(amount.to_string())),
        ("discount_text", json!(details.discount_cents.to_string())),
        ("list_text", json!(details.list_price().to_string())),
        ("attempt", json!(details.uuid(1, details.period as usize))),
        ("billing_cycle", of_subscription(json!({ "interval": "month", "frequency": 1 }))),
        ("billing_period", of_subscription(json!({ "starts_at": rfc3339(start), "ends_at": rfc3339(end) }))),
        ("changed_at", json!(rfc3339(details.now()))),
        ("currency", json!(details.currency.as_str())),
        ("custom_data", if custom_data.is_empty() { Value::Null } else { custom_data.into() }),
        ("customer", json!(ids.customer_id)),
        ("earnings", json!((amount - fee).to_string())),
        ("fee", json!(fee.to_string())),
        ("invoice", of_period("inv")),
        ("invoice_number", json!(format!("{}-{}", details.number % 1_000_000, details.period + 1))),
        ("item", of_period("txnitm")),
        ("method", json!(details.ulid("paymtd", 0))),
        ("origin", json!(if details.period == 0 { "web" } else { "subscription_recurring" })),
        ("paid_at", json!(rfc3339(details.paid_at()))),
        ("price", json!(details.ulid("pri", 0))),
        ("product", details.product(details.ulid("pro", 0))),
        ("refund_text", json!(refund.to_string())),
        ("refund_type", json!(if refund == amount { "full" } else { "partial" })),
        ("refunded_at", json!(rfc3339(details.now()))),
        ("status", json!("completed")),
        ("stored_method", json!(details.uuid(2, 0))),
        ("subscription", json!(ids.subscription_id)),
        ("transaction", json!(ids.transaction_id)),
    ])
}

impl Script for PaddleScript {
    fn ids(&self, details: &Details) -> PaymentIds {
        PaymentIds {
            transaction_id: details.ulid("txn", details.period as usize + 1),
            customer_id: details.ulid("ctm", 0),
            subscription_id: details.is_subscription.then(|| details.ulid("sub", 0)),
            session_id: None,
            payment_intent_id: None,
            charge_id: None,
            invoice_id: None,
        }
    }

    fn paid(&self, details: &Details) -> Vec<Rendered> {
        let mut values = values(details);
        let completed = values.fill(TRANSACTION);
        for (name, value) in [("status", json!("paid")), ("invoice", Value::Null), ("invoice_number", Value::Null)] {
            values.set(name, value);
        }
        let paid = values.fill(TRANSACTION);
        vec![event(details, 0, "transaction.paid", paid), event(details, 1, "transaction.completed", completed)]
    }

    fn refunded(&self, details: &Details, _: u64) -> Vec<Rendered> {
        let mut values = values(details);
        let events = [("adjustment.created", "pending_approval"), ("adjustment.updated", "approved")];
        let events = events.into_iter().enumerate().map(|(number, (event_type, status))| {
            values.set("status", status);
            event(details, number, event_type, values.fill(ADJUSTMENT))
        });
        events.collect()
    }
}
