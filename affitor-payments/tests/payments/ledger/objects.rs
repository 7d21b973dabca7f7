//! What the providers send, with the fields that are read and some that are not.

use serde_json::{Value, json};

use super::support::{Delivery, NOW};

/// The form of Stripe's objects: until API 2025-03-31, and since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Old,
    New,
}

/// Metadata of program 42.
pub(crate) fn of(customer: &str) -> Value {
    json!({ "program_id": "42", "affitor_customer_key": customer })
}

/// A webhook of Stripe.
pub(crate) fn stripe(kind: &str, object: &Value) -> Delivery {
    let body = json!({
        "id": "evt_1", "object": "event", "api_version": "2025-08-27.basil", "created": NOW, "livemode": true, "type": kind,
        "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null }, "data": { "object": object },
    });
    Delivery::new(body, "data.object")
}

impl Delivery {
    /// Sets the type of a webhook of Stripe or Polar.
    pub(crate) fn event(self, kind: &str) -> Self {
        self.top("type", kind)
    }
}

/// A paid Checkout session of 49 dollars.
pub(crate) fn session() -> Delivery {
    let object = json!({
        "id": "cs_1", "object": "checkout.session", "mode": "payment", "status": "complete", "payment_status": "paid",
        "payment_intent": "pi_1", "invoice": null, "subscription": null, "amount_subtotal": 4_900, "amount_total": 4_900,
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 }, "currency": "usd",
        "customer": "cus_1", "client_reference_id": null, "payment_link": null, "metadata": of("user_7"), "created": NOW,
    });
    stripe("checkout.session.completed", &object)
}

/// The session of a subscription whose first invoice is `in_1`.
pub(crate) fn subscription_session() -> Delivery {
    session().set("mode", "subscription").set("payment_intent", ()).set("invoice", "in_1").set("subscription", "sub_1")
}

/// A succeeded payment intent without metadata.
pub(crate) fn intent(api: Api) -> Delivery {
    let object = json!({
        "id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": 4_900, "amount_received": 4_900,
        "currency": "usd", "customer": "cus_1", "latest_charge": "ch_1", "metadata": {}, "transfer_data": null,
        "application_fee_amount": null, "created": NOW,
    });
    old_invoice(stripe("payment_intent.succeeded", &object), api, None)
}

/// A charge of the payment intent.
pub(crate) fn charge(api: Api) -> Delivery {
    let object = json!({
        "id": "ch_1", "object": "charge", "status": "succeeded", "paid": true, "captured": true, "refunded": false,
        "payment_intent": "pi_1", "amount": 4_900, "amount_captured": 4_900, "amount_refunded": 0, "currency": "usd",
        "customer": "cus_1", "metadata": {}, "transfer_data": null, "application_fee_amount": null, "created": NOW,
    });
    old_invoice(stripe("charge.succeeded", &object), api, None)
}

/// The charge after refunds.
pub(crate) fn charge_refunded(api: Api, cents: u64, before: u64) -> Delivery {
    charge(api)
        .event("charge.refunded")
        .set("amount_refunded", cents)
        .top("data.previous_attributes", json!({ "amount_refunded": before }))
}

fn old_invoice(delivery: Delivery, api: Api, invoice: Option<&str>) -> Delivery {
    if api == Api::Old { delivery.set("invoice", invoice) } else { delivery }
}

/// The paid first invoice of a subscription, with the subscription's metadata.
pub(crate) fn invoice(api: Api) -> Delivery {
    let object = json!({
        "id": "in_1", "object": "invoice", "status": "paid", "billing_reason": "subscription_create", "currency": "usd",
        "amount_due": 4_900, "amount_paid": 4_900, "amount_remaining": 0, "subtotal": 4_900, "total": 4_900,
        "total_excluding_tax": 4_900, "customer": "cus_1", "metadata": {}, "created": NOW,
        "status_transitions": { "finalized_at": NOW, "paid_at": NOW },
        "lines": { "object": "list", "data": [{ "id": "il_1", "amount": 4_900, "metadata": {} }] },
    });
    let invoice = stripe("invoice.paid", &object);
    match api {
        Api::New => invoice.set(
            "parent",
            json!({ "type": "subscription_details", "quote_details": null,
                "subscription_details": { "subscription": "sub_1", "metadata": of("user_7") } }),
        ),
        Api::Old => invoice
            .set("subscription", "sub_1")
            .set("subscription_details", json!({ "metadata": of("user_7") }))
            .set("payment_intent", "pi_1")
            .set("charge", "ch_1")
            .set("paid_out_of_band", false),
    }
}

/// The renewal `in_2` of the subscription.
pub(crate) fn renewal(api: Api) -> Delivery {
    invoice(api).set("id", "in_2").set("billing_reason", "subscription_cycle")
}

/// Makes an invoice one of no subscription.
pub(crate) fn manual(invoice: Delivery) -> Delivery {
    let invoice = invoice.set("billing_reason", "manual");
    if invoice.object()["parent"].is_null() {
        invoice.set("subscription", ()).set("subscription_details", ())
    } else {
        invoice.set("parent", ())
    }
}

/// Changes the metadata that an invoice has from its subscription.
pub(crate) fn with_subscription_metadata(invoice: Delivery, metadata: impl serde::Serialize) -> Delivery {
    let parent = if invoice.object()["parent"].is_null() { "" } else { "parent." };
    invoice.set(&format!("{parent}subscription_details.metadata"), metadata)
}

/// Since API 2025-03-31: what a payment intent paid of an invoice.
pub(crate) fn link(invoice: &str, intent: &str, cents: u64) -> Delivery {
    let object = json!({
        "id": format!("inpay_{invoice}_{intent}"), "object": "invoice_payment", "invoice": invoice, "status": "paid",
        "amount_requested": cents, "amount_paid": cents, "currency": "usd", "is_default": true, "created": NOW,
        "payment": { "type": "payment_intent", "payment_intent": intent },
    });
    stripe("invoice_payment.paid", &object)
}

/// An invoice and everything that is sent about its payment.
pub(crate) fn billed(api: Api, change: impl Fn(Delivery) -> Delivery) -> Vec<Delivery> {
    let invoice = change(invoice(api));
    let id = invoice.object()["id"].as_str().unwrap().to_owned();
    let mut deliveries = vec![invoice];
    if api == Api::New {
        deliveries.push(link(&id, "pi_1", 4_900));
    }
    deliveries.extend([old_invoice(intent(api), api, Some(&id)), old_invoice(charge(api), api, Some(&id))]);
    deliveries
}

/// A refund that succeeded.
pub(crate) fn refund(number: u64, cents: u64) -> Delivery {
    let object = json!({
        "id": format!("re_{number}"), "object": "refund", "status": "succeeded", "amount": cents, "currency": "usd",
        "payment_intent": "pi_1", "charge": "ch_1", "reason": null, "metadata": {}, "created": NOW + number,
    });
    stripe("refund.created", &object)
}

/// A closed dispute.
pub(crate) fn dispute(cents: u64, status: &str) -> Delivery {
    let object = json!({
        "id": "dp_1", "object": "dispute", "status": status, "amount": cents, "currency": "usd", "payment_intent": "pi_1",
        "charge": "ch_1", "reason": "fraudulent", "created": NOW,
    });
    stripe("charge.dispute.closed", &object)
}

/// A subscription with metadata.
pub(crate) fn subscription() -> Delivery {
    let object = json!({ "id": "sub_1", "object": "subscription", "status": "active", "customer": "cus_1",
        "latest_invoice": "in_1", "metadata": of("user_7"), "created": NOW });
    stripe("customer.subscription.created", &object)
}

/// A paid order of Polar: 49 dollars, of which 4 are tax.
pub(crate) fn polar_order() -> Delivery {
    let object = json!({
        "id": "order_1", "status": "paid", "paid": true, "billing_reason": "purchase", "currency": "usd",
        "subtotal_amount": 4_500, "discount_amount": 0, "net_amount": 4_500, "tax_amount": 400, "total_amount": 4_900,
        "applied_balance_amount": 0, "due_amount": 4_900, "refunded_amount": 0, "refunded_tax_amount": 0,
        "created_at": "2026-09-21T14:13:20Z", "modified_at": null, "customer_id": "polar_customer", "product_id": "product_1",
        "subscription_id": null, "checkout_id": "checkout_1", "metadata": { "user_id": "user_7" },
        "customer": { "id": "polar_customer", "external_id": null, "email": "jo@example.com" },
    });
    let body =
        json!({ "type": "order.paid", "timestamp": "2026-09-21T14:13:20Z", "api_version": "2026-04", "data": object });
    Delivery::new(body, "data")
}

/// A paid order of Lemon Squeezy: 49 dollars, of which 4 are tax.
pub(crate) fn lemon_order() -> Delivery {
    let object = json!({
        "type": "orders", "id": "1", "attributes": {
            "store_id": 1, "customer_id": 5, "identifier": "8f2c", "order_number": 1, "user_name": "Jo",
            "user_email": "jo@example.com", "status": "paid", "currency": "USD", "subtotal": 4_500, "setup_fee": 0,
            "discount_total": 0, "tax": 400, "total": 4_900, "refunded_amount": 0, "refunded": false, "refunded_at": null,
            "first_order_item": { "product_id": 9, "variant_id": 3, "price": 4_500 },
            "created_at": "2026-09-21T14:13:20.000000Z", "updated_at": "2026-09-21T14:13:20.000000Z", "test_mode": false,
        },
    });
    let meta = json!({ "event_name": "order_created", "test_mode": false, "webhook_id": "hook_1",
        "custom_data": { "user_id": "user_7" } });
    Delivery::new(json!({ "meta": meta, "data": object }), "data")
}

/// The paid renewal of a subscription at Lemon Squeezy.
pub(crate) fn lemon_invoice() -> Delivery {
    let object = json!({
        "type": "subscription-invoices", "id": "1", "attributes": {
            "store_id": 1, "subscription_id": 7, "customer_id": 5, "user_name": "Jo", "user_email": "jo@example.com",
            "billing_reason": "renewal", "status": "paid", "currency": "USD", "subtotal": 4_500, "discount_total": 0,
            "tax": 400, "total": 4_900, "refunded_amount": 0, "refunded": false, "refunded_at": null,
            "created_at": "2026-09-21T14:13:20.000000Z", "updated_at": "2026-09-21T14:13:20.000000Z", "test_mode": false,
        },
    });
    let meta = json!({ "event_name": "subscription_payment_success", "test_mode": false, "webhook_id": "hook_1",
        "custom_data": { "user_id": "user_7" } });
    Delivery::new(json!({ "meta": meta, "data": object }), "data")
}

fn paddle(kind: &str, object: &Value) -> Delivery {
    let body = json!({ "event_id": "evt_1", "event_type": kind, "occurred_at": "2026-09-21T14:13:20.1Z",
        "notification_id": "ntf_1", "data": object });
    Delivery::new(body, "data")
}

/// A completed transaction of Paddle: 49 dollars, of which 4 are tax.
pub(crate) fn transaction() -> Delivery {
    let totals = json!({ "subtotal": "4500", "discount": "0", "tax": "400", "total": "4900", "credit": "0",
        "credit_to_balance": "0", "balance": "0", "grand_total": "4900", "grand_total_tax": "400", "fee": "295",
        "earnings": "4205", "currency_code": "USD" });
    let object = json!({
        "id": "txn_1", "status": "completed", "origin": "web", "collection_mode": "automatic", "customer_id": "ctm_1",
        "currency_code": "USD", "custom_data": { "user_id": "user_7" }, "subscription_id": null, "invoice_id": null,
        "details": { "totals": totals, "adjusted_totals": null }, "payments": [{ "amount": "4900", "status": "captured" }],
        "created_at": "2026-09-21T14:13:20Z", "billed_at": "2026-09-21T14:13:20Z", "updated_at": "2026-09-21T14:13:20Z",
    });
    paddle("transaction.completed", &object)
}

/// An approved partial refund at Paddle.
pub(crate) fn adjustment(number: u64, cents: u64) -> Delivery {
    let object = json!({
        "id": format!("adj_{number}"), "action": "refund", "type": "partial", "status": "approved", "transaction_id": "txn_1",
        "subscription_id": null, "customer_id": "ctm_1", "currency_code": "USD", "reason": "asked for it",
        "credit_applied_to_balance": null, "totals": { "subtotal": "0", "tax": "0", "total": cents.to_string() },
        "created_at": "2026-09-21T14:13:30Z",
    });
    paddle("adjustment.updated", &object)
}
