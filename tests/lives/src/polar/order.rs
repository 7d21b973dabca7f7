//! Polar's orders, and the events about their payment.

use serde_json::{Value, json};

use super::Buyer;
use crate::money;
use crate::story::Story;

/// An order with its current JSON.
pub(super) struct Order {
    pub(super) id: String,
    pub(super) total: u64,
    pub(super) tax: u64,
    pub(super) json: Value,
}

impl Order {
    /// Creates an order and has it paid.
    pub(super) fn pay(
        story: &mut Story<'_>,
        buyer: &Buyer,
        reason: &str,
        total: u64,
        subscription: Option<&str>,
    ) -> Self {
        let tax = money::tax(story.rng, total);
        let id = story.uuid();
        let json = render(story, buyer, &id, (reason, total, tax), subscription);
        let mut order = Self { id, total, tax, json };
        if story.rng.bool() {
            order.tell(story, "order.created");
        }
        story.wait();
        order.json["status"] = json!("paid");
        order.json["paid"] = json!(true);
        order.json["modified_at"] = json!(story.now());
        let mut events = vec!["order.paid"];
        if story.rng.bool() {
            events.push("order.updated");
        }
        story.rng.shuffle(&mut events);
        for event in events {
            order.tell(story, event);
        }
        story.expect(order.id.clone(), total, tax, reason != "purchase" && reason != "subscription_create");
        order
    }

    /// Sends an event with the order as it is now.
    pub(super) fn tell(&self, story: &mut Story<'_>, kind: &str) {
        tell(story, kind, &self.json);
    }
}

/// Sends an event with an object.
pub(super) fn tell(story: &mut Story<'_>, kind: &str, object: &Value) {
    story.wait();
    story.store(object);
    let id = story.uuid();
    let body = json!({ "type": kind, "timestamp": story.now(), "data": object });
    story.send(id, body);
}

fn render(
    story: &mut Story<'_>,
    buyer: &Buyer,
    id: &str,
    (reason, total, tax): (&str, u64, u64),
    subscription: Option<&str>,
) -> Value {
    let (now, currency, number) = (story.now(), story.currency.to_ascii_lowercase(), story.ids.number());
    let (checkout, item, price) = (story.uuid(), story.uuid(), story.uuid());
    let net = total - tax;
    json!({
        "id": id,
        "created_at": now,
        "modified_at": null,
        "status": "pending",
        "paid": false,
        "subtotal_amount": net,
        "discount_amount": 0,
        "net_amount": net,
        "tax_amount": tax,
        "total_amount": total,
        "applied_balance_amount": 0,
        "due_amount": total,
        "refunded_amount": 0,
        "refunded_tax_amount": 0,
        "currency": currency,
        "billing_reason": reason,
        "billing_name": "Jenny Rosen",
        "billing_address": { "country": "DE", "line1": null, "line2": null, "postal_code": null, "city": null, "state": null },
        "invoice_number": format!("SHOP-{number:06}"),
        "is_invoice_generated": false,
        "customer_id": buyer.customer_id,
        "product_id": buyer.product_id,
        "discount_id": null,
        "subscription_id": subscription,
        "checkout_id": checkout,
        "metadata": buyer.metadata,
        "custom_field_data": {},
        "platform_fee_amount": 0,
        "platform_fee_currency": null,
        "customer": {
            "id": buyer.customer_id,
            "created_at": now,
            "modified_at": null,
            "metadata": {},
            "external_id": buyer.external_id,
            "email": format!("customer{number}@example.com"),
            "email_verified": false,
            "type": "individual",
            "name": "Jenny Rosen",
            "billing_address": { "country": "DE" },
            "tax_id": null,
            "organization_id": buyer.organization_id,
            "deleted_at": null,
            "avatar_url": "https://www.gravatar.com/avatar/x?d=404",
        },
        "user_id": buyer.customer_id,
        "product": {
            "metadata": {},
            "id": buyer.product_id,
            "created_at": now,
            "modified_at": null,
            "trial_interval": null,
            "trial_interval_count": null,
            "name": "Plan",
            "description": null,
            "recurring_interval": subscription.map(|_| "month"),
            "recurring_interval_count": subscription.map(|_| 1),
            "is_recurring": subscription.is_some(),
            "is_archived": false,
            "organization_id": buyer.organization_id,
        },
        "discount": null,
        "subscription": subscription.map(|id| render_subscription(story, buyer, id, total)),
        "items": [{
            "created_at": now,
            "modified_at": null,
            "id": item,
            "label": "Plan",
            "amount": net,
            "tax_amount": tax,
            "proration": reason == "subscription_update",
            "product_price_id": price,
        }],
        "description": "Plan",
    })
}

fn render_subscription(story: &Story<'_>, buyer: &Buyer, id: &str, amount: u64) -> Value {
    json!({
        "metadata": buyer.metadata,
        "created_at": story.now(),
        "modified_at": null,
        "id": id,
        "amount": amount,
        "currency": story.currency.to_ascii_lowercase(),
        "recurring_interval": "month",
        "recurring_interval_count": 1,
        "status": "active",
        "current_period_start": story.now(),
        "current_period_end": story.in_days(30),
        "trial_start": null,
        "trial_end": null,
        "cancel_at_period_end": false,
        "canceled_at": null,
        "started_at": story.now(),
        "ends_at": null,
        "ended_at": null,
        "customer_id": buyer.customer_id,
        "product_id": buyer.product_id,
        "discount_id": null,
        "checkout_id": null,
        "customer_cancellation_reason": null,
        "customer_cancellation_comment": null,
    })
}
