//! Payment intents.

use serde_json::{Value, json};

use super::shop::Shop;

impl Shop<'_> {
    /// Creates a payment intent that waits for a payment method.
    pub(super) fn create_intent(
        &mut self,
        amount: u64,
        metadata: &Value,
        invoice: Option<&str>,
        manual: bool,
    ) -> String {
        let id = self.id("pi");
        let mut intent = json!({
            "id": id,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_details": { "tip": {} },
            "amount_received": 0,
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": null,
            "canceled_at": null,
            "cancellation_reason": null,
            "capture_method": if manual { "manual" } else { "automatic" },
            "client_secret": format!("{id}_secret_x"),
            "confirmation_method": "automatic",
            "created": self.now(),
            "currency": self.currency(),
            "customer": self.customer,
            "description": if invoice.is_some() { json!("Subscription creation") } else { Value::Null },
            "last_payment_error": null,
            "latest_charge": null,
            "livemode": true,
            "metadata": metadata,
            "next_action": null,
            "on_behalf_of": null,
            "payment_method": null,
            "payment_method_configuration_details": null,
            "payment_method_options": { "card": {
                "installments": null,
                "mandate_options": null,
                "network": null,
                "request_three_d_secure": "automatic",
            } },
            "payment_method_types": ["card"],
            "processing": null,
            "receipt_email": null,
            "review": null,
            "setup_future_usage": null,
            "shipping": null,
            "source": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": "requires_payment_method",
            "transfer_data": null,
            "transfer_group": null,
        });
        if self.is_old() {
            intent["invoice"] = json!(invoice);
        } else {
            intent["excluded_payment_method_types"] = Value::Null;
        }
        self.put(intent);
        self.tell("payment_intent.created", &id);
        id
    }
}
