//! Invoice lines, and the prices in them.

use serde_json::{Value, json};

use super::shop::Shop;
use super::subscription::Subscription;

/// One line of an invoice.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Amount without tax. Negative for a credit.
    pub(super) amount: i64,
    pub(super) proration: bool,
    /// A line of the subscription itself, not an invoice item.
    of_subscription: bool,
}

impl Line {
    /// An invoice item.
    pub(super) fn item(amount: u64) -> Self {
        Self { amount: amount.cast_signed(), proration: false, of_subscription: false }
    }

    /// A charge or credit for the rest of a period after a change.
    pub(super) fn proration(amount: i64) -> Self {
        Self { amount, proration: true, of_subscription: false }
    }

    /// A period of a subscription.
    pub(super) fn period(amount: u64) -> Self {
        Self { amount: amount.cast_signed(), proration: false, of_subscription: true }
    }
}

impl Shop<'_> {
    /// Renders a line.
    pub(super) fn line(&mut self, line: &Line, invoice: &str, subscription: Option<&Subscription>) -> Value {
        let id = self.id("il");
        let (start, end) = subscription.map_or((self.now(), self.now()), |subscription| subscription.period);
        let metadata = match subscription {
            Some(subscription) if line.of_subscription => subscription.metadata.clone(),
            _ => json!({}),
        };
        let mut json = json!({
            "id": id,
            "object": "line_item",
            "amount": line.amount,
            "currency": self.currency(),
            "description": "1 × Plan",
            "discount_amounts": [],
            "discountable": !line.proration,
            "discounts": [],
            "invoice": invoice,
            "livemode": true,
            "metadata": metadata,
            "period": { "start": start, "end": end },
            "quantity": 1,
            "subscription": subscription.map(|subscription| &subscription.id),
        });
        if self.is_old() {
            self.add_old_line_fields(&mut json, line, subscription);
        } else {
            self.add_new_line_fields(&mut json, line, subscription);
        }
        json
    }

    fn add_old_line_fields(&mut self, json: &mut Value, line: &Line, subscription: Option<&Subscription>) {
        json["amount_excluding_tax"] = json!(line.amount);
        json["unit_amount_excluding_tax"] = json!(line.amount.to_string());
        json["price"] = self.price(line.amount, subscription.is_some());
        json["plan"] = if subscription.is_some() { self.plan(line.amount) } else { Value::Null };
        json["proration"] = json!(line.proration);
        json["proration_details"] = json!({ "credited_items": null });
        json["tax_amounts"] = json!([]);
        json["tax_rates"] = json!([]);
        json["type"] = json!(if line.of_subscription { "subscription" } else { "invoiceitem" });
        if !line.of_subscription {
            json["invoice_item"] = json!(self.id("ii"));
        }
        if let Some(subscription) = subscription {
            json["subscription_item"] = json!(subscription.item);
        }
    }

    fn add_new_line_fields(&mut self, json: &mut Value, line: &Line, subscription: Option<&Subscription>) {
        json["parent"] = match subscription {
            Some(subscription) if line.of_subscription => json!({
                "invoice_item_details": null,
                "subscription_item_details": {
                    "invoice_item": null,
                    "proration": line.proration,
                    "proration_details": { "credited_items": null },
                    "subscription": subscription.id,
                    "subscription_item": subscription.item,
                },
                "type": "subscription_item_details",
            }),
            _ => json!({
                "invoice_item_details": {
                    "invoice_item": self.id("ii"),
                    "proration": line.proration,
                    "proration_details": { "credited_items": null },
                    "subscription": subscription.map(|subscription| &subscription.id),
                },
                "subscription_item_details": null,
                "type": "invoice_item_details",
            }),
        };
        json["pricing"] = json!({
            "price_details": { "price": self.id("price"), "product": self.id("prod") },
            "type": "price_details",
            "unit_amount_decimal": line.amount.to_string(),
        });
        json["pretax_credit_amounts"] = json!([]);
        json["taxes"] = json!([]);
    }

    pub(super) fn price(&mut self, amount: i64, recurring: bool) -> Value {
        let mut period = json!({
            "interval": "month",
            "interval_count": 1,
            "meter": null,
            "trial_period_days": null,
            "usage_type": "licensed",
        });
        if self.is_old() {
            period["aggregate_usage"] = Value::Null;
        }
        json!({
            "id": self.id("price"),
            "object": "price",
            "active": true,
            "billing_scheme": "per_unit",
            "created": self.now(),
            "currency": self.currency(),
            "custom_unit_amount": null,
            "livemode": true,
            "lookup_key": null,
            "metadata": {},
            "nickname": null,
            "product": self.id("prod"),
            "recurring": if recurring { period } else { Value::Null },
            "tax_behavior": "unspecified",
            "tiers_mode": null,
            "transform_quantity": null,
            "type": if recurring { "recurring" } else { "one_time" },
            "unit_amount": amount,
            "unit_amount_decimal": amount.to_string(),
        })
    }

    pub(super) fn plan(&mut self, amount: i64) -> Value {
        let mut plan = json!({
            "id": self.id("price"),
            "object": "plan",
            "active": true,
            "amount": amount,
            "amount_decimal": amount.to_string(),
            "billing_scheme": "per_unit",
            "created": self.now(),
            "currency": self.currency(),
            "interval": "month",
            "interval_count": 1,
            "livemode": true,
            "metadata": {},
            "meter": null,
            "nickname": null,
            "product": self.id("prod"),
            "tiers_mode": null,
            "transform_usage": null,
            "trial_period_days": null,
            "usage_type": "licensed",
        });
        if self.is_old() {
            plan["aggregate_usage"] = Value::Null;
        }
        plan
    }
}
