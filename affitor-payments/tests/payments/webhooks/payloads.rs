//! Webhooks as the providers document them: the fields that are read, and some that are not.

use serde_json::{Value, json};

pub(crate) const NOW: u64 = 1_790_000_000;

fn stripe(kind: &str, api_version: &str, object: &Value, previous: &Value) -> Value {
    let mut data = json!({ "object": object });
    if !previous.is_null() {
        data["previous_attributes"] = previous.clone();
    }
    json!({
        "id": "evt_1", "object": "event", "api_version": api_version, "created": NOW, "livemode": true,
        "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null }, "type": kind, "data": data,
    })
}

pub(crate) const NEW: &str = "2025-03-31.basil";
pub(crate) const OLD: &str = "2024-06-20";

pub(crate) fn session() -> Value {
    let metadata =
        json!({ "program_id": "42", "affitor_customer_key": "user_7", "affitor_click_id": "cust_42_1714000000000" });
    let object = json!({
        "id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid", "status": "complete",
        "payment_intent": "pi_1", "invoice": null, "subscription": null, "amount_subtotal": 4_500, "amount_total": 4_900,
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 400 }, "currency": "usd",
        "client_reference_id": "ref_9", "customer": "cus_1", "customer_email": "jo@example.com", "metadata": metadata,
    });
    stripe("checkout.session.completed", NEW, &object, &Value::Null)
}

pub(crate) fn subscription_session() -> Value {
    let mut event = session();
    let object = &mut event["data"]["object"];
    (object["mode"], object["payment_intent"]) = (json!("subscription"), Value::Null);
    (object["invoice"], object["subscription"]) = (json!("in_1"), json!("sub_1"));
    event
}

fn renewal(api_version: &str, details: &Value) -> Value {
    let mut object = json!({
        "id": "in_2", "object": "invoice", "billing_reason": "subscription_cycle", "status": "paid", "amount_due": 4_900,
        "amount_paid": 4_900, "amount_remaining": 0, "currency": "usd", "customer": "cus_1", "metadata": {},
        "customer_email": "jo@example.com",
    });
    object.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
    stripe("invoice.paid", api_version, &object, &Value::Null)
}

pub(crate) fn new_renewal() -> Value {
    renewal(
        NEW,
        &json!({
            "parent": { "type": "subscription_details", "quote_details": null, "subscription_details": {
                "subscription": "sub_1",
                "metadata": { "affitor_customer_key": "user_7", "affitor_click_id": "cust_42_1714000000000" },
            } },
            "lines": { "data": [{ "id": "il_1", "amount": 4_900, "pricing": { "type": "price_details" } }] },
        }),
    )
}

pub(crate) fn old_renewal() -> Value {
    renewal(
        OLD,
        &json!({
            "subscription": "sub_1", "payment_intent": "pi_2", "charge": "ch_2",
            "subscription_details": { "metadata": { "affitor_customer_key": "user_7" } },
            "lines": { "data": [{ "id": "il_1", "price": { "recurring": { "interval": "month", "interval_count": 1 } } }] },
        }),
    )
}

pub(crate) fn refund() -> Value {
    let object = json!({
        "id": "re_1", "object": "refund", "amount": 1_500, "charge": "ch_1", "currency": "usd", "payment_intent": "pi_1",
        "metadata": {}, "reason": "requested_by_customer", "status": "succeeded",
    });
    stripe("refund.created", NEW, &object, &Value::Null)
}

/// A charge in an API version in which charges have a field `invoice`.
pub(crate) fn charge() -> Value {
    let object = json!({
        "id": "ch_1", "object": "charge", "amount": 4_900, "amount_captured": 4_900, "amount_refunded": 1_500,
        "currency": "usd", "invoice": null, "payment_intent": "pi_1", "refunded": false, "paid": true, "metadata": {},
        "billing_details": { "email": "jo@example.com" },
    });
    stripe("charge.refunded", OLD, &object, &json!({ "amount_refunded": 0, "receipt_url": null }))
}

pub(crate) fn dispute() -> Value {
    let object = json!({
        "id": "du_1", "object": "dispute", "amount": 4_900, "charge": "ch_1", "currency": "usd", "payment_intent": "pi_1",
        "reason": "fraudulent", "status": "lost", "metadata": {},
    });
    stripe("charge.dispute.closed", NEW, &object, &json!({ "status": "under_review" }))
}

pub(crate) fn order() -> Value {
    json!({ "type": "order.paid", "timestamp": "2026-09-21T14:13:20Z", "data": {
        "id": "0a0b0c0d-0000-4000-8000-000000000001", "created_at": "2026-09-21T14:13:19Z", "modified_at": null,
        "status": "paid", "paid": true, "subtotal_amount": 4_500, "discount_amount": 0, "net_amount": 4_500,
        "tax_amount": 400, "total_amount": 4_900, "refunded_amount": 0, "refunded_tax_amount": 0, "currency": "usd",
        "billing_reason": "purchase", "customer_id": "cus-id", "product_id": "prod-id", "subscription_id": null,
        "metadata": { "user_id": "user_7", "affitor_click_id": "cust_42_1714000000000" },
        "customer": { "id": "cus-id", "external_id": "ext_7", "email": "jo@example.com" },
    } })
}

pub(crate) fn polar_refund() -> Value {
    json!({ "type": "refund.created", "timestamp": "2026-09-21T14:13:20Z", "data": {
        "id": "refund-id", "created_at": "2026-09-21T14:13:19Z", "modified_at": null, "metadata": {},
        "status": "succeeded", "reason": "customer_request", "amount": 1_000, "tax_amount": 89, "currency": "usd",
        "organization_id": "org-id", "order_id": "0a0b0c0d-0000-4000-8000-000000000001", "subscription_id": null,
        "customer_id": "cus-id", "revoke_benefits": false, "dispute": null,
    } })
}

pub(crate) fn order_refunded() -> Value {
    let mut event = order();
    event["type"] = json!("order.refunded");
    let data = &mut event["data"];
    (data["status"], data["refunded_amount"], data["refunded_tax_amount"]) =
        (json!("refunded"), json!(4_500), json!(400));
    event
}

fn lemon(event_name: &str, kind: &str, id: &str, attributes: &Value) -> Value {
    json!({
        "meta": { "event_name": event_name, "webhook_id": "wh-1", "test_mode": false,
            "custom_data": { "user_id": "user_7", "affitor_click_id": "cust_42_1714000000000" } },
        "data": { "type": kind, "id": id, "attributes": attributes },
    })
}

pub(crate) fn lemon_order() -> Value {
    let attributes = json!({
        "store_id": 1, "customer_id": 1, "identifier": "104e18a2", "order_number": 1, "user_name": "Jo",
        "user_email": "jo@example.com", "currency": "USD", "currency_rate": "1.00000000", "subtotal": 4_500, "tax": 400,
        "total": 4_900, "refunded_amount": 0, "status": "paid", "refunded": false, "refunded_at": null,
        "first_order_item": { "id": 1, "product_id": 77, "variant_id": 5 }, "test_mode": false,
        "created_at": "2026-09-21T14:13:19.000000Z", "updated_at": "2026-09-21T14:13:20.000000Z",
    });
    lemon("order_created", "orders", "1", &attributes)
}

pub(crate) fn lemon_invoice() -> Value {
    let attributes = json!({
        "store_id": 1, "subscription_id": 9, "customer_id": 1, "user_name": "Jo", "user_email": "jo@example.com",
        "billing_reason": "renewal", "currency": "USD", "status": "paid", "refunded": false, "refunded_at": null,
        "subtotal": 4_500, "tax": 400, "total": 4_900, "refunded_amount": 0, "test_mode": false,
        "created_at": "2026-09-21T14:13:19.000000Z", "updated_at": "2026-09-21T14:13:20.000000Z",
    });
    lemon("subscription_payment_success", "subscription-invoices", "1", &attributes)
}

pub(crate) fn transaction() -> Value {
    json!({ "event_id": "evt_p1", "event_type": "transaction.completed", "occurred_at": "2026-09-21T14:13:20.155553Z",
        "notification_id": "ntf_1", "data": {
            "id": "txn_1", "status": "completed", "customer_id": "ctm_1", "subscription_id": null, "origin": "web",
            "currency_code": "USD", "custom_data": { "user_id": "user_7", "affitor_click_id": "cust_42_1714000000000" },
            "details": { "totals": { "subtotal": "4500", "discount": "0", "tax": "400", "total": "4900", "credit": "0",
                "grand_total": "4900", "currency_code": "USD" } },
        } })
}

pub(crate) fn adjustment() -> Value {
    json!({ "event_id": "evt_p2", "event_type": "adjustment.updated", "occurred_at": "2026-09-21T14:13:20.155553Z",
        "notification_id": "ntf_2", "data": {
            "id": "adj_1", "action": "refund", "type": "partial", "transaction_id": "txn_1", "subscription_id": null,
            "customer_id": "ctm_1", "reason": "changed their mind", "currency_code": "USD", "status": "approved",
            "totals": { "subtotal": "1378", "tax": "122", "total": "1500", "currency_code": "USD" },
        } })
}
