//! Short webhooks of Stripe, for tests of single rules.

use std::time::{SystemTime, UNIX_EPOCH};

use affitor_payments::{Stripe, Webhook, WebhookEvent};
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "whsec_0123456789";

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A webhook of a type, about an object. Its id follows from both, so that the same call makes the same webhook.
pub(crate) fn event(kind: &str, object: &Value) -> Value {
    let id = object["id"].as_str().unwrap_or_default();
    json!({ "id": format!("evt_{kind}_{id}"), "object": "event", "api_version": "2025-09-30.clover", "created": now(),
        "livemode": true, "type": kind, "data": { "object": object } })
}

pub(crate) fn metadata() -> Value {
    json!({ "program_id": "42", "affitor_customer_key": "user_7" })
}

/// A one-time Checkout payment under `pi_<number>`.
pub(crate) fn checkout(number: u64, cents: u64, metadata: &Value) -> Value {
    event(
        "checkout.session.completed",
        &json!({ "id": format!("cs_{number}"), "object": "checkout.session", "mode": "payment", "payment_status": "paid",
            "status": "complete", "payment_intent": format!("pi_{number}"), "invoice": null, "subscription": null,
            "amount_total": cents, "currency": "usd", "created": now(), "metadata": metadata,
            "client_reference_id": null, "total_details": { "amount_tax": 0 } }),
    )
}

/// A refund object of `pi_<number>`.
pub(crate) fn refund(number: u64, part: u64, cents: u64, status: &str) -> Value {
    let mut event = event(
        "refund.updated",
        &json!({ "id": format!("re_{number}_{part}"), "object": "refund", "amount": cents, "currency": "usd",
            "status": status, "payment_intent": format!("pi_{number}"), "charge": format!("ch_{number}"),
            "created": now() }),
    );
    event["id"] = json!(format!("evt_re_{number}_{part}_{status}"));
    event
}

/// A charge of `pi_<number>`, made at a time, with the total of its refunds and the total before.
pub(crate) fn charge(number: u64, cents: u64, refunded: u64, before: u64, created: u64) -> Value {
    let mut event = event(
        "charge.refunded",
        &json!({ "id": format!("ch_{number}"), "object": "charge", "amount": cents, "amount_captured": cents,
            "amount_refunded": refunded, "captured": true, "currency": "usd", "created": created,
            "payment_intent": format!("pi_{number}") }),
    );
    event["id"] = json!(format!("evt_ch_{number}_{refunded}"));
    event["data"]["previous_attributes"] = json!({ "amount_refunded": before });
    event
}

/// A dispute of `pi_<number>`.
pub(crate) fn dispute(number: u64, cents: u64, status: &str, currency: &str) -> Value {
    event(
        "charge.dispute.closed",
        &json!({ "id": format!("du_{number}_{status}"), "object": "dispute", "amount": cents, "currency": currency,
            "status": status, "payment_intent": format!("pi_{number}"), "charge": format!("ch_{number}"),
            "created": now() }),
    )
}

/// Verifies a webhook at an endpoint.
pub(crate) fn verified(webhook: &Webhook<Stripe>, body: &Value) -> WebhookEvent<Stripe> {
    let (body, now) = (body.to_string(), SystemTime::now());
    let headers = webhook.sign("msg_1", body.as_bytes(), now);
    webhook.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), now).unwrap()
}

pub(crate) fn endpoint() -> Webhook<Stripe> {
    Webhook::disabled().or_secret(SECRET).unwrap()
}
