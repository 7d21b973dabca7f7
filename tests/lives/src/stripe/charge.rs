//! Charges.

use serde_json::{Value, json};

use super::shop::Shop;

impl Shop<'_> {
    /// Creates a charge of a payment intent. `status` is `succeeded`, `pending` or `failed`.
    pub(super) fn create_charge(&mut self, intent: &str, captured: bool, status: &str) -> String {
        let (id, method, transaction) = (self.id("ch"), self.id("pm"), self.id("txn"));
        let source = self.get(intent).clone();
        let amount = &source["amount"];
        let paid = status == "succeeded";
        let mut charge = json!({
            "id": id,
            "object": "charge",
            "amount": amount,
            "amount_captured": if paid && captured { amount.clone() } else { json!(0) },
            "amount_refunded": 0,
            "application": null,
            "application_fee": null,
            "application_fee_amount": null,
            "balance_transaction": if paid && captured { json!(transaction) } else { Value::Null },
            "billing_details": {
                "address": { "city": null, "country": "DE", "line1": null, "line2": null, "postal_code": null, "state": null },
                "email": self.email(),
                "name": "Jenny Rosen",
                "phone": null,
            },
            "calculated_statement_descriptor": "SHOP.EXAMPLE",
            "captured": captured,
            "created": self.now(),
            "currency": self.currency(),
            "customer": self.customer,
            "description": source["description"],
            "disputed": false,
            "failure_balance_transaction": null,
            "failure_code": if status == "failed" { json!("card_declined") } else { Value::Null },
            "failure_message": if status == "failed" { json!("Your card was declined.") } else { Value::Null },
            "fraud_details": {},
            "livemode": true,
            "metadata": source["metadata"],
            "on_behalf_of": null,
            "outcome": {
                "network_status": if status == "failed" { "declined_by_network" } else { "approved_by_network" },
                "reason": null,
                "risk_level": "normal",
                "seller_message": "Payment complete.",
                "type": if status == "failed" { "issuer_declined" } else { "authorized" },
            },
            "paid": paid,
            "payment_intent": intent,
            "payment_method": method,
            "payment_method_details": { "type": "card", "card": self.card(amount) },
            "receipt_email": null,
            "receipt_number": null,
            "receipt_url": "https://pay.stripe.com/receipts/payment/x",
            "refunded": false,
            "review": null,
            "shipping": null,
            "source": null,
            "source_transfer": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": status,
            "transfer_data": null,
            "transfer_group": null,
        });
        if self.is_old() {
            charge["invoice"] = source["invoice"].clone();
        } else {
            charge["billing_details"]["tax_id"] = Value::Null;
            for field in ["advice_code", "network_advice_code", "network_decline_code"] {
                charge["outcome"][field] = Value::Null;
            }
        }
        self.change(intent, json!({ "latest_charge": id, "payment_method": method }));
        self.put(charge)
    }

    /// E-mail address of the customer.
    pub(super) fn email(&self) -> String {
        format!("customer{}@example.com", self.ids.number())
    }

    fn card(&self, amount: &Value) -> Value {
        let mut card = json!({
            "amount_authorized": amount,
            "authorization_code": null,
            "brand": "visa",
            "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "country": "DE",
            "exp_month": 8,
            "exp_year": 2031,
            "extended_authorization": { "status": "disabled" },
            "fingerprint": "Xt5EWLLDS7FJjR1c",
            "funding": "credit",
            "incremental_authorization": { "status": "unavailable" },
            "installments": null,
            "last4": "4242",
            "mandate": null,
            "multicapture": { "status": "unavailable" },
            "network": "visa",
            "network_token": { "used": false },
            "overcapture": { "maximum_amount_capturable": amount, "status": "unavailable" },
            "three_d_secure": null,
            "wallet": null,
        });
        if !self.is_old() {
            card["network_transaction_id"] = json!("105821931071130");
            card["regulated_status"] = json!("unregulated");
        }
        card
    }
}
