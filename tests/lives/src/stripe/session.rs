//! Checkout Sessions.

use serde_json::{Value, json};

use super::shop::Shop;

/// What a session sells.
pub(super) struct Sold<'a> {
    /// `payment` or `subscription`.
    pub(super) mode: &'a str,
    pub(super) amount: u64,
    pub(super) tax: u64,
    pub(super) payment_status: &'a str,
    pub(super) intent: Option<&'a str>,
    pub(super) invoice: Option<&'a str>,
    pub(super) subscription: Option<&'a str>,
    /// Metadata of the invoice to create after the payment.
    pub(super) invoice_creation: Option<Value>,
}

impl Shop<'_> {
    /// Stores a completed session. It sends no event.
    pub(super) fn create_session(&mut self, sold: &Sold<'_>) -> String {
        let id = self.id("cs_live");
        let metadata = self.metadata.json();
        let reference =
            if self.metadata.is_ours() && self.rng.bool() { json!(self.metadata.customer_key()) } else { Value::Null };
        let mut session = json!({
            "id": id,
            "object": "checkout.session",
            "after_expiration": null,
            "allow_promotion_codes": null,
            "amount_subtotal": sold.amount - sold.tax,
            "amount_total": sold.amount,
            "automatic_tax": { "enabled": false, "liability": null, "status": null },
            "billing_address_collection": null,
            "cancel_url": null,
            "client_reference_id": reference,
            "client_secret": null,
            "consent": null,
            "consent_collection": null,
            "created": self.now(),
            "currency": self.currency(),
            "currency_conversion": null,
            "custom_fields": [],
            "custom_text": {
                "after_submit": null,
                "shipping_address": null,
                "submit": null,
                "terms_of_service_acceptance": null,
            },
            "customer": self.customer,
            "customer_creation": "always",
            "customer_details": {
                "address": { "city": null, "country": "DE", "line1": null, "line2": null, "postal_code": null, "state": null },
                "email": self.email(),
                "name": "Jenny Rosen",
                "phone": null,
                "tax_exempt": "none",
                "tax_ids": [],
            },
            "customer_email": null,
            "expires_at": self.now() + 86_400,
            "invoice": sold.invoice,
            "invoice_creation": sold.invoice_creation.as_ref().map(|metadata| json!({
                "enabled": true,
                "invoice_data": {
                    "account_tax_ids": null,
                    "custom_fields": null,
                    "description": null,
                    "footer": null,
                    "issuer": null,
                    "metadata": metadata,
                    "rendering_options": null,
                },
            })),
            "livemode": true,
            "locale": null,
            "metadata": metadata,
            "mode": sold.mode,
            "payment_intent": sold.intent,
            "payment_link": null,
            "payment_method_collection": "always",
            "payment_method_configuration_details": null,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "payment_status": sold.payment_status,
            "phone_number_collection": { "enabled": false },
            "recovered_from": null,
            "saved_payment_method_options": null,
            "setup_intent": null,
            "shipping_address_collection": null,
            "shipping_cost": null,
            "shipping_options": [],
            "status": "complete",
            "submit_type": null,
            "subscription": sold.subscription,
            "success_url": "https://shop.example/thanks",
            "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": sold.tax },
            "ui_mode": "hosted",
            "url": null,
        });
        if self.is_old() {
            session["shipping_details"] = Value::Null;
        } else {
            add_new_fields(&mut session);
        }
        self.put(session)
    }
}

/// Fields that the old API lacks.
fn add_new_fields(session: &mut Value) {
    let nulls =
        ["collected_information", "discounts", "optional_items", "origin_context", "permissions", "wallet_options"];
    for field in nulls {
        session[field] = Value::Null;
    }
    session["adaptive_pricing"] = json!({ "enabled": true });
    session["automatic_tax"]["provider"] = Value::Null;
    session["customer_details"]["business_name"] = Value::Null;
    session["customer_details"]["individual_name"] = Value::Null;
}
