//! Subscriptions.

use serde_json::{Value, json};

use super::shop::Shop;

/// Length of a billing period in seconds.
pub(super) const PERIOD: u64 = 30 * 86_400;

/// A subscription while its life is generated.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) id: String,
    /// Id of the subscription item.
    pub(super) item: String,
    /// Price of a period without tax.
    pub(super) amount: u64,
    /// Begin and end of the current period.
    pub(super) period: (u64, u64),
    pub(super) metadata: Value,
}

impl Shop<'_> {
    /// Creates a subscription with the shop's metadata.
    pub(super) fn create_subscription(&mut self, amount: u64, trial: bool) -> Subscription {
        let (id, item) = (self.id("sub"), self.id("si"));
        let period = (self.now(), self.now() + PERIOD);
        let subscription = Subscription { id, item, amount, period, metadata: self.metadata.json() };
        let json = self.render(&subscription, trial);
        self.put(json);
        self.tell("customer.subscription.created", &subscription.id);
        subscription
    }

    /// Begins the next period.
    pub(super) fn next_period(&mut self, subscription: &mut Subscription) {
        let begin = subscription.period.1;
        subscription.period = (begin, begin + PERIOD);
        self.update_subscription(subscription);
    }

    /// Changes the price of a subscription.
    pub(super) fn change_price(&mut self, subscription: &mut Subscription, amount: u64) {
        subscription.amount = amount;
        self.update_subscription(subscription);
    }

    fn update_subscription(&mut self, subscription: &Subscription) {
        let json = self.render(subscription, false);
        let previous = self.change(&subscription.id, json);
        self.tell_change("customer.subscription.updated", &subscription.id, &previous);
    }

    fn render(&mut self, subscription: &Subscription, trial: bool) -> Value {
        let (start, end) = subscription.period;
        let created = self.get(&subscription.id)["created"].as_u64().unwrap_or(self.now());
        let mut item = json!({
            "id": subscription.item,
            "object": "subscription_item",
            "billing_thresholds": null,
            "created": created,
            "discounts": [],
            "metadata": {},
            "plan": self.plan(subscription.amount.cast_signed()),
            "price": self.price(subscription.amount.cast_signed(), true),
            "quantity": 1,
            "subscription": subscription.id,
            "tax_rates": [],
        });
        if !self.is_old() {
            item["current_period_start"] = json!(start);
            item["current_period_end"] = json!(end);
        }
        let mut json = json!({
            "id": subscription.id,
            "object": "subscription",
            "application": null,
            "application_fee_percent": null,
            "automatic_tax": { "enabled": false, "liability": null },
            "billing_cycle_anchor": created,
            "billing_cycle_anchor_config": null,
            "billing_thresholds": null,
            "cancel_at": null,
            "cancel_at_period_end": false,
            "canceled_at": null,
            "cancellation_details": { "comment": null, "feedback": null, "reason": null },
            "collection_method": "charge_automatically",
            "created": created,
            "currency": self.currency(),
            "customer": self.customer,
            "days_until_due": null,
            "default_payment_method": null,
            "default_source": null,
            "default_tax_rates": [],
            "description": null,
            "discounts": [],
            "ended_at": null,
            "invoice_settings": { "account_tax_ids": null, "issuer": { "type": "self" } },
            "items": super::list(&[item], "/v1/subscription_items"),
            "latest_invoice": null,
            "livemode": true,
            "metadata": subscription.metadata,
            "next_pending_invoice_item_invoice": null,
            "on_behalf_of": null,
            "pause_collection": null,
            "payment_settings": {
                "payment_method_options": null,
                "payment_method_types": null,
                "save_default_payment_method": "off",
            },
            "pending_invoice_item_interval": null,
            "pending_setup_intent": null,
            "pending_update": null,
            "schedule": null,
            "start_date": created,
            "status": if trial { "trialing" } else { "active" },
            "test_clock": null,
            "transfer_data": null,
            "trial_end": if trial { json!(end) } else { Value::Null },
            "trial_settings": { "end_behavior": { "missing_payment_method": "create_invoice" } },
            "trial_start": if trial { json!(start) } else { Value::Null },
        });
        if self.is_old() {
            json["current_period_start"] = json!(start);
            json["current_period_end"] = json!(end);
            json["discount"] = Value::Null;
        } else {
            json["automatic_tax"]["disabled_reason"] = Value::Null;
            json["billing_mode"] = json!({ "flexible": null, "type": "classic" });
        }
        json
    }
}
