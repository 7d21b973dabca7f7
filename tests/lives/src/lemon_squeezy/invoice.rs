//! Lemon Squeezy's subscriptions and their invoices.

use serde_json::{Value, json};

use super::{Buyer, Payment, formatted, relationships, tell};
use crate::money;
use crate::story::Story;

const RELATED: [&str; 8] =
    ["store", "customer", "order", "order-item", "product", "variant", "subscription-items", "subscription-invoices"];

/// Creates the subscription that an order sold. Returns its id.
pub(super) fn start(story: &mut Story<'_>, buyer: &Buyer, order: &Payment, trial: bool) -> u64 {
    let id = story.ids.integer();
    let now = story.now();
    let json = json!({
        "type": "subscriptions",
        "id": id.to_string(),
        "attributes": {
            "store_id": buyer.store,
            "customer_id": buyer.customer,
            "order_id": order.id,
            "order_item_id": order.json["attributes"]["first_order_item"]["id"],
            "product_id": 5,
            "variant_id": 6,
            "product_name": "Plan",
            "variant_name": "Default",
            "user_name": "Jenny Rosen",
            "user_email": order.json["attributes"]["user_email"],
            "status": if trial { "on_trial" } else { "active" },
            "status_formatted": if trial { "On Trial" } else { "Active" },
            "card_brand": "visa",
            "card_last_four": "4242",
            "pause": null,
            "cancelled": false,
            "trial_ends_at": if trial { json!(story.in_days(14)) } else { Value::Null },
            "billing_anchor": 1,
            "first_subscription_item": null,
            "urls": {
                "update_payment_method": "https://shop.lemonsqueezy.com/subscription/x/payment-details",
                "customer_portal": "https://shop.lemonsqueezy.com/billing",
                "customer_portal_update_subscription": "https://shop.lemonsqueezy.com/billing/x/update",
            },
            "renews_at": story.in_days(30),
            "ends_at": null,
            "created_at": now,
            "updated_at": now,
            "test_mode": false,
        },
        "relationships": relationships("subscriptions", id, &RELATED),
        "links": { "self": format!("https://api.lemonsqueezy.com/v1/subscriptions/{id}") },
    });
    tell(story, buyer, "subscription_created", &json);
    id
}

/// The initial invoice of a subscription: the order's money once more.
pub(super) fn pay_initial(story: &mut Story<'_>, buyer: &Buyer, subscription: u64, order: &Payment) -> Payment {
    let id = story.ids.integer();
    let tax = order.json["attributes"]["tax"].as_u64().unwrap_or(0);
    let json = render(story, buyer, (subscription, id), "initial", (order.total, tax));
    tell(story, buyer, "subscription_payment_success", &json);
    Payment { kind: "subscription-invoices", id, sale: order.sale.clone(), total: order.total, json, twin: None }
}

/// Creates a paid invoice of a subscription: `(subscription, invoice)`.
pub(super) fn pay(story: &mut Story<'_>, buyer: &Buyer, ids: (u64, u64), reason: &str, total: u64) -> Payment {
    let tax = money::tax(story.rng, total);
    let json = render(story, buyer, ids, reason, (total, tax));
    tell(story, buyer, "subscription_payment_success", &json);
    let sale = format!("ls_invoice_{}", ids.1);
    story.expect(sale.clone(), total, tax, true);
    Payment { kind: "subscription-invoices", id: ids.1, sale, total, json, twin: None }
}

fn render(
    story: &Story<'_>,
    buyer: &Buyer,
    (subscription, id): (u64, u64),
    reason: &str,
    (total, tax): (u64, u64),
) -> Value {
    let (number, now, net) = (story.ids.number(), story.now(), total - tax);
    json!({
        "type": "subscription-invoices",
        "id": id.to_string(),
        "attributes": {
            "store_id": buyer.store,
            "subscription_id": subscription,
            "customer_id": buyer.customer,
            "user_name": "Jenny Rosen",
            "user_email": format!("customer{number}@example.com"),
            "billing_reason": reason,
            "card_brand": "visa",
            "card_last_four": "4242",
            "currency": story.currency,
            "currency_rate": "1.00000000",
            "status": "paid",
            "status_formatted": "Paid",
            "refunded": false,
            "refunded_at": null,
            "subtotal": net,
            "discount_total": 0,
            "tax": tax,
            "tax_inclusive": false,
            "total": total,
            "refunded_amount": 0,
            "refunded_amount_usd": 0,
            "refunded_amount_formatted": formatted(0),
            "subtotal_usd": net,
            "discount_total_usd": 0,
            "tax_usd": tax,
            "total_usd": total,
            "subtotal_formatted": formatted(net),
            "discount_total_formatted": formatted(0),
            "tax_formatted": formatted(tax),
            "total_formatted": formatted(total),
            "urls": { "invoice_url": null },
            "created_at": now,
            "updated_at": now,
            "test_mode": false,
        },
        "relationships": relationships("subscription-invoices", id, &["store", "subscription", "customer"]),
        "links": { "self": format!("https://api.lemonsqueezy.com/v1/subscription-invoices/{id}") },
    })
}
