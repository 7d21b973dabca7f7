//! Invoices: their JSON, and their way from draft to open.

use serde_json::{Value, json};

use super::line::Line;
use super::shop::Shop;
use super::subscription::Subscription;

/// What an invoice is made of.
pub(super) struct Draft<'a> {
    pub(super) reason: &'a str,
    pub(super) lines: Vec<Line>,
    pub(super) tax: u64,
    /// Credit that the customer has: it lowers what is due.
    pub(super) credit: u64,
    pub(super) subscription: Option<&'a Subscription>,
    /// Metadata at the invoice's top level.
    pub(super) metadata: Value,
}

impl<'a> Draft<'a> {
    pub(super) fn new(reason: &'a str, lines: Vec<Line>) -> Self {
        Self { reason, lines, tax: 0, credit: 0, subscription: None, metadata: json!({}) }
    }

    fn subtotal(&self) -> i64 {
        self.lines.iter().map(|line| line.amount).sum()
    }

    fn total(&self) -> i64 {
        self.subtotal() + self.tax.cast_signed()
    }

    /// Money that the customer must pay.
    pub(super) fn due(&self) -> u64 {
        u64::try_from(self.total() - self.credit.cast_signed()).unwrap_or(0)
    }

    /// Credit that the customer has after the invoice.
    pub(super) fn credit_after(&self) -> u64 {
        u64::try_from(self.credit.cast_signed() - self.total()).unwrap_or(0)
    }
}

impl Shop<'_> {
    /// Stores a draft invoice and announces it.
    pub(super) fn create_invoice(&mut self, draft: &Draft<'_>) -> String {
        let id = self.id("in");
        let lines: Vec<Value> = draft.lines.iter().map(|line| self.line(line, &id, draft.subscription)).collect();
        let mut invoice = self.render_invoice(&id, draft, &lines);
        if self.is_old() {
            add_old_fields(&mut invoice, draft);
        } else {
            add_new_fields(&mut invoice, draft);
        }
        self.put(invoice);
        self.tell("invoice.created", &id);
        id
    }

    fn render_invoice(&self, id: &str, draft: &Draft<'_>, lines: &[Value]) -> Value {
        let period = draft.subscription.map_or((self.now(), self.now()), |subscription| subscription.period);
        json!({
            "id": id,
            "object": "invoice",
            "account_country": "DE",
            "account_name": "Shop",
            "account_tax_ids": null,
            "amount_due": draft.due(),
            "amount_paid": 0,
            "amount_remaining": draft.due(),
            "amount_shipping": 0,
            "application": null,
            "attempt_count": 0,
            "attempted": false,
            "auto_advance": true,
            "automatic_tax": { "enabled": false, "liability": null, "status": null },
            "automatically_finalizes_at": null,
            "billing_reason": draft.reason,
            "collection_method": "charge_automatically",
            "created": self.now(),
            "currency": self.currency(),
            "custom_fields": null,
            "customer": self.customer,
            "customer_address": null,
            "customer_email": self.email(),
            "customer_name": "Jenny Rosen",
            "customer_phone": null,
            "customer_shipping": null,
            "customer_tax_exempt": "none",
            "customer_tax_ids": [],
            "default_payment_method": null,
            "default_source": null,
            "default_tax_rates": [],
            "description": null,
            "discounts": [],
            "due_date": null,
            "effective_at": null,
            "ending_balance": null,
            "footer": null,
            "from_invoice": null,
            "hosted_invoice_url": null,
            "invoice_pdf": null,
            "issuer": { "type": "self" },
            "last_finalization_error": null,
            "latest_revision": null,
            "lines": super::list(lines, &format!("/v1/invoices/{id}/lines")),
            "livemode": true,
            "metadata": draft.metadata,
            "next_payment_attempt": null,
            "number": null,
            "on_behalf_of": null,
            "payment_settings": {
                "default_mandate": null,
                "payment_method_options": null,
                "payment_method_types": null,
            },
            "period_end": period.1,
            "period_start": period.0,
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "receipt_number": null,
            "rendering": null,
            "shipping_cost": null,
            "shipping_details": null,
            "starting_balance": -draft.credit.cast_signed(),
            "statement_descriptor": null,
            "status": "draft",
            "status_transitions": {
                "finalized_at": null,
                "marked_uncollectible_at": null,
                "paid_at": null,
                "voided_at": null,
            },
            "subtotal": draft.subtotal(),
            "subtotal_excluding_tax": draft.subtotal(),
            "test_clock": null,
            "total": draft.total(),
            "total_discount_amounts": [],
            "total_excluding_tax": draft.subtotal(),
            "webhooks_delivered_at": null,
        })
    }

    /// Makes a draft an open invoice.
    pub(super) fn finalize(&mut self, invoice: &str) {
        let number = format!("SHOP-{:06}", self.ids.number());
        let mut transitions = self.get(invoice)["status_transitions"].clone();
        transitions["finalized_at"] = json!(self.now());
        let due = self.get(invoice)["amount_due"].as_i64().unwrap_or(0);
        let total = self.get(invoice)["total"].as_i64().unwrap_or(0);
        let start = self.get(invoice)["starting_balance"].as_i64().unwrap_or(0);
        let previous = self.change(
            invoice,
            json!({
                "number": number,
                "status": "open",
                "effective_at": self.now(),
                "ending_balance": start + total - due,
                "status_transitions": transitions,
                "hosted_invoice_url": "https://invoice.stripe.com/i/x",
                "invoice_pdf": "https://pay.stripe.com/invoice/x/pdf",
            }),
        );
        self.tell("invoice.finalized", invoice);
        if self.rng.u8(..4) == 0 {
            self.tell_change("invoice.updated", invoice, &previous);
        }
    }
}

fn add_old_fields(invoice: &mut Value, draft: &Draft<'_>) {
    for field in ["application_fee_amount", "charge", "discount", "payment_intent", "quote", "transfer_data"] {
        invoice[field] = Value::Null;
    }
    invoice["paid"] = json!(false);
    invoice["paid_out_of_band"] = json!(false);
    invoice["subscription"] = json!(draft.subscription.map(|subscription| &subscription.id));
    invoice["subscription_details"] = match draft.subscription {
        Some(subscription) => json!({ "metadata": subscription.metadata }),
        None => Value::Null,
    };
    invoice["tax"] = if draft.tax > 0 { json!(draft.tax) } else { Value::Null };
    invoice["total_tax_amounts"] = if draft.tax > 0 {
        json!([{
            "amount": draft.tax,
            "inclusive": false,
            "tax_rate": "txr_1NXt5EWLLDS7FJjR1c",
            "taxability_reason": "standard_rated",
            "taxable_amount": draft.subtotal(),
        }])
    } else {
        json!([])
    };
}

fn add_new_fields(invoice: &mut Value, draft: &Draft<'_>) {
    invoice["automatic_tax"]["disabled_reason"] = Value::Null;
    invoice["automatic_tax"]["provider"] = Value::Null;
    invoice["amount_overpaid"] = json!(0);
    invoice["total_pretax_credit_amounts"] = json!([]);
    invoice["parent"] = match draft.subscription {
        Some(subscription) => json!({
            "quote_details": null,
            "subscription_details": { "metadata": subscription.metadata, "subscription": subscription.id },
            "type": "subscription_details",
        }),
        None => Value::Null,
    };
    invoice["total_taxes"] = if draft.tax > 0 {
        json!([{
            "amount": draft.tax,
            "tax_behavior": "exclusive",
            "tax_rate_details": { "tax_rate": "txr_1NXt5EWLLDS7FJjR1c" },
            "taxability_reason": "standard_rated",
            "taxable_amount": draft.subtotal(),
            "type": "tax_rate_details",
        }])
    } else {
        json!([])
    };
}
