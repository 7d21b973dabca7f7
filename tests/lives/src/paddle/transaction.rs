//! Paddle's transactions, and the events about their payment.

use serde_json::{Value, json};

use super::payout::{earnings, fee, totals};
use super::{Buyer, tell};
use crate::money;
use crate::story::Story;

/// A completed transaction.
pub(super) struct Transaction {
    pub(super) id: String,
    /// Id of its only item.
    pub(super) item: String,
    pub(super) total: u64,
    pub(super) tax: u64,
    pub(super) json: Value,
}

impl Transaction {
    /// Creates a transaction and has it paid.
    pub(super) fn pay(story: &mut Story<'_>, buyer: &Buyer, origin: &str, total: u64) -> Self {
        let tax = money::tax(story.rng, total);
        let (id, item) = (story.ids.paddle(story.rng, "txn"), story.ids.paddle(story.rng, "txnitm"));
        let json = render(story, buyer, (&id, &item), origin, (total, tax));
        let mut transaction = Self { id, item, total, tax, json };
        if story.rng.bool() {
            tell(story, "transaction.created", &transaction.json);
        }
        transaction.json["payments"] = attempts(story, total);
        transaction.json["billed_at"] = json!(story.now());
        transaction.set_status(story, "paid");
        tell(story, "transaction.paid", &transaction.json);
        let invoice = story.ids.paddle(story.rng, "inv");
        transaction.json["invoice_id"] = json!(invoice);
        transaction.json["invoice_number"] = json!(format!("17-{}", story.ids.number()));
        transaction.set_status(story, "completed");
        tell(story, "transaction.completed", &transaction.json);
        if story.rng.u8(..3) == 0 {
            tell(story, "transaction.updated", &transaction.json);
        }
        story.expect(transaction.id.clone(), total, tax, origin.starts_with("subscription_"));
        transaction
    }

    fn set_status(&mut self, story: &mut Story<'_>, status: &str) {
        story.wait();
        self.json["status"] = json!(status);
        self.json["updated_at"] = json!(story.now());
    }
}

/// Payment attempts: perhaps a failed one, then one that succeeds. A free transaction has none.
fn attempts(story: &mut Story<'_>, total: u64) -> Value {
    let mut attempts = Vec::new();
    if total > 0 && story.rng.u8(..4) == 0 {
        story.note("declined first");
        attempts.push(attempt(story, total, "error"));
    }
    if total > 0 {
        attempts.push(attempt(story, total, "captured"));
    }
    json!(attempts)
}

fn attempt(story: &mut Story<'_>, total: u64, status: &str) -> Value {
    let captured = status == "captured";
    json!({
        "payment_attempt_id": story.uuid(),
        "stored_payment_method_id": story.uuid(),
        "payment_method_id": story.ids.paddle(story.rng, "paymtd"),
        "amount": total.to_string(),
        "status": status,
        "error_code": if captured { Value::Null } else { json!("declined") },
        "method_details": {
            "type": "card",
            "card": {
                "type": "visa",
                "last4": "4242",
                "expiry_month": 8,
                "expiry_year": 2031,
                "cardholder_name": "Jenny Rosen",
            },
            "paypal": null,
            "south_korea_local_card": null,
            "underlying_details": null,
        },
        "created_at": story.now(),
        "captured_at": if captured { json!(story.now()) } else { Value::Null },
    })
}

fn render(
    story: &mut Story<'_>,
    buyer: &Buyer,
    (id, item): (&str, &str),
    origin: &str,
    (total, tax): (u64, u64),
) -> Value {
    let (price, product) = (story.ids.paddle(story.rng, "pri"), story.ids.paddle(story.rng, "pro"));
    let (now, end) = (story.now(), story.in_days(30));
    let period = if buyer.subscription.is_some() { json!({ "starts_at": now, "ends_at": end }) } else { Value::Null };
    json!({
        "id": id,
        "status": "ready",
        "customer_id": buyer.customer,
        "address_id": buyer.address,
        "business_id": null,
        "custom_data": buyer.custom_data,
        "currency_code": story.currency,
        "origin": origin,
        "subscription_id": buyer.subscription,
        "invoice_id": null,
        "invoice_number": null,
        "collection_mode": "automatic",
        "discount_id": null,
        "billing_details": null,
        "billing_period": period,
        "items": [{
            "price_id": price,
            "price": render_price(story, buyer, (&price, &product), total - tax),
            "quantity": 1,
            "proration": null,
        }],
        "details": details(story, (item, &price, &product), (total, tax)),
        "payments": [],
        "checkout": { "url": "https://shop.example/pay" },
        "created_at": now,
        "updated_at": now,
        "billed_at": null,
        "revised_at": null,
    })
}

fn render_price(story: &Story<'_>, buyer: &Buyer, (id, product): (&str, &str), amount: u64) -> Value {
    json!({
        "id": id,
        "product_id": product,
        "description": "Plan",
        "type": "standard",
        "name": "Plan",
        "billing_cycle": buyer.subscription.as_ref().map(|_| json!({ "interval": "month", "frequency": 1 })),
        "trial_period": null,
        "tax_mode": "account_setting",
        "unit_price": { "amount": amount.to_string(), "currency_code": story.currency },
        "unit_price_overrides": [],
        "quantity": { "minimum": 1, "maximum": 1 },
        "status": "active",
        "created_at": story.now(),
        "updated_at": story.now(),
        "custom_data": null,
        "import_meta": null,
    })
}

fn details(story: &Story<'_>, (item, price, product): (&str, &str, &str), (total, tax): (u64, u64)) -> Value {
    let mut whole = totals(total, tax);
    let more = json!({
        "credit": "0",
        "credit_to_balance": "0",
        "balance": "0",
        "grand_total": total.to_string(),
        "grand_total_tax": tax.to_string(),
        "fee": fee(total).to_string(),
        "earnings": earnings(total, tax).to_string(),
        "currency_code": story.currency,
    });
    if let (Some(whole), Value::Object(more)) = (whole.as_object_mut(), more) {
        whole.extend(more);
    }
    let rate = if tax > 0 { "0.19" } else { "0" };
    json!({
        "tax_rates_used": [{ "tax_rate": rate, "totals": totals(total, tax) }],
        "totals": whole,
        "adjusted_totals": null,
        "payout_totals": null,
        "adjusted_payout_totals": null,
        "line_items": [{
            "id": item,
            "price_id": price,
            "quantity": 1,
            "proration": null,
            "tax_rate": rate,
            "unit_totals": totals(total, tax),
            "totals": totals(total, tax),
            "product": {
                "id": product,
                "name": "Plan",
                "type": "standard",
                "description": null,
                "tax_category": "saas",
                "image_url": null,
                "custom_data": null,
                "status": "active",
                "created_at": story.now(),
                "updated_at": story.now(),
                "import_meta": null,
            },
        }],
    })
}
