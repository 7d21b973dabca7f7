//! Lemon Squeezy's orders.

use serde_json::json;

use super::{Buyer, Payment, formatted, relationships, tell};
use crate::money;
use crate::story::Story;

const RELATED: [&str; 6] =
    ["store", "customer", "order-items", "subscriptions", "license-keys", "discount-redemptions"];

/// Creates a paid order.
pub(super) fn pay(story: &mut Story<'_>, buyer: &Buyer, total: u64) -> Payment {
    let (id, item) = (story.ids.integer(), story.ids.integer());
    let (tax, identifier) = (money::tax(story.rng, total), story.uuid());
    let (number, now) = (story.ids.number(), story.now());
    let net = total - tax;
    let json = json!({
        "type": "orders",
        "id": id.to_string(),
        "attributes": {
            "store_id": buyer.store,
            "customer_id": buyer.customer,
            "identifier": identifier,
            "order_number": number,
            "user_name": "Jenny Rosen",
            "user_email": format!("customer{number}@example.com"),
            "currency": story.currency,
            "currency_rate": "1.00000000",
            "subtotal": net,
            "setup_fee": 0,
            "discount_total": 0,
            "tax": tax,
            "total": total,
            "refunded_amount": 0,
            "subtotal_usd": net,
            "setup_fee_usd": 0,
            "discount_total_usd": 0,
            "tax_usd": tax,
            "total_usd": total,
            "refunded_amount_usd": 0,
            "tax_name": if tax > 0 { json!("VAT") } else { json!(null) },
            "tax_rate": "0.00",
            "tax_inclusive": false,
            "status": "paid",
            "status_formatted": "Paid",
            "refunded": false,
            "refunded_at": null,
            "subtotal_formatted": formatted(net),
            "setup_fee_formatted": formatted(0),
            "discount_total_formatted": formatted(0),
            "tax_formatted": formatted(tax),
            "total_formatted": formatted(total),
            "refunded_amount_formatted": formatted(0),
            "first_order_item": {
                "id": item,
                "order_id": id,
                "product_id": 5,
                "variant_id": 6,
                "price_id": 7,
                "quantity": 1,
                "product_name": "Plan",
                "variant_name": "Default",
                "price": net,
                "created_at": now,
                "updated_at": now,
                "test_mode": false,
            },
            "urls": { "receipt": "https://app.lemonsqueezy.com/my-orders/x" },
            "created_at": now,
            "updated_at": now,
            "test_mode": false,
        },
        "relationships": relationships("orders", id, &RELATED),
        "links": { "self": format!("https://api.lemonsqueezy.com/v1/orders/{id}") },
    });
    tell(story, buyer, "order_created", &json);
    let sale = format!("ls_order_{id}");
    story.expect(sale.clone(), total, tax, false);
    Payment { kind: "orders", id, sale, total, json, twin: None }
}
