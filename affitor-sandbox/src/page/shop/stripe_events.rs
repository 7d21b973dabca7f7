//! Events of the shop's stand-in Stripe account, with the fields that the service reads.

use serde_json::{Map, Value, json};

pub(super) struct Payment<'p> {
    pub(super) id: &'p str,
    pub(super) program_id: u64,
    pub(super) customer_key: Option<&'p str>,
    pub(super) click_id: Option<&'p str>,
    pub(super) amount_cents: u64,
}

/// A completed checkout session.
pub(super) fn checkout(payment: &Payment<'_>) -> Value {
    let Payment { id, amount_cents, .. } = payment;
    event(
        "checkout.session.completed",
        id,
        &json!({
            "id": format!("cs_{id}"), "object": "checkout.session", "mode": "payment", "payment_status": "paid",
            "payment_intent": format!("pi_{id}"), "amount_total": amount_cents, "currency": "usd",
            "metadata": metadata(payment),
        }),
    )
}

/// A paid invoice of a subscription's next period.
pub(super) fn renewal(payment: &Payment<'_>) -> Value {
    let Payment { id, amount_cents, .. } = payment;
    event(
        "invoice.paid",
        id,
        &json!({
            "id": format!("in_{id}"), "object": "invoice", "billing_reason": "subscription_cycle",
            "payment_intent": format!("pi_{id}"), "amount_paid": amount_cents, "currency": "usd",
            "parent": { "subscription_details": { "subscription": format!("sub_{id}"), "metadata": metadata(payment) } },
        }),
    )
}

/// A charge that was refunded in full.
pub(super) fn refund(id: &str, amount_cents: u64) -> Value {
    event(
        "charge.refunded",
        &format!("{id}_refund"),
        &json!({
            "id": format!("ch_{id}"), "object": "charge", "payment_intent": format!("pi_{id}"), "amount": amount_cents,
            "amount_refunded": amount_cents, "currency": "usd", "refunded": true,
        }),
    )
}

fn event(event_type: &str, id: &str, object: &Value) -> Value {
    json!({ "id": format!("evt_{id}"), "object": "event", "type": event_type, "data": { "object": object } })
}

fn metadata(payment: &Payment<'_>) -> Map<String, Value> {
    let ids = [("affitor_customer_key", payment.customer_key), ("affitor_click_id", payment.click_id)];
    let ids = ids.into_iter().filter_map(|(name, id)| Some((name.to_owned(), json!(id?))));
    std::iter::once(("program_id".to_owned(), json!(payment.program_id.to_string()))).chain(ids).collect()
}
