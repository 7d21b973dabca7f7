//! Payment of invoices, and the events about it.

use serde_json::{Value, json};

use super::payments::Movement;
use super::shop::Shop;

impl Shop<'_> {
    /// Marks an invoice as paid by payments, or by credit alone.
    pub(super) fn mark_paid(&mut self, invoice: &str, movements: &[Movement]) {
        let payments: Vec<String> = if self.is_old() {
            Vec::new()
        } else {
            movements.iter().map(|movement| self.create_invoice_payment(invoice, movement)).collect()
        };
        let previous = self.close(invoice, movements.len());
        if self.is_old() {
            let last = movements.last();
            let charge = last.map(|movement| &movement.charge);
            let intent = last.map(|movement| &movement.intent);
            self.change(invoice, json!({ "paid": true, "charge": charge, "payment_intent": intent }));
        }
        for payment in &payments {
            self.tell("invoice_payment.paid", payment);
        }
        if self.rng.bool() {
            self.tell_change("invoice.updated", invoice, &previous);
        }
        let mut events = ["invoice.paid", "invoice.payment_succeeded"];
        self.rng.shuffle(&mut events);
        for event in events {
            self.tell(event, invoice);
        }
    }

    /// Marks an invoice as paid without Stripe. There was no attempt to pay it, so `invoice.payment_succeeded` isn't sent.
    pub(super) fn mark_paid_out_of_band(&mut self, invoice: &str, amount: u64) {
        let record = self.id("pr");
        let payment = json!({ "payment_record": record, "type": "payment_record" });
        let payment = self.invoice_payment(invoice, amount, &payment);
        self.close(invoice, 0);
        self.tell("invoice_payment.paid", &payment);
        self.tell("invoice.paid", invoice);
    }

    /// Sets the fields of a paid invoice. Returns the previous values.
    fn close(&mut self, invoice: &str, attempts: usize) -> Value {
        let mut transitions = self.get(invoice)["status_transitions"].clone();
        transitions["paid_at"] = json!(self.now());
        let due = self.get(invoice)["amount_due"].clone();
        let fields = json!({
            "status": "paid",
            "attempted": true,
            "attempt_count": attempts,
            "amount_paid": due,
            "amount_remaining": 0,
            "status_transitions": transitions,
        });
        self.change(invoice, fields)
    }

    fn create_invoice_payment(&mut self, invoice: &str, movement: &Movement) -> String {
        let part = movement.sales.iter().find(|(sale, _)| sale == invoice).map_or(movement.amount, |(_, part)| *part);
        let payment = json!({ "payment_intent": movement.intent, "type": "payment_intent" });
        self.invoice_payment(invoice, part, &payment)
    }

    fn invoice_payment(&mut self, invoice: &str, amount: u64, payment: &Value) -> String {
        let id = self.id("inpay");
        let payment = json!({
            "id": id,
            "object": "invoice_payment",
            "amount_paid": amount,
            "amount_requested": amount,
            "created": self.now(),
            "currency": self.currency(),
            "invoice": invoice,
            "is_default": true,
            "livemode": true,
            "payment": payment,
            "status": "paid",
            "status_transitions": { "canceled_at": null, "paid_at": self.now() },
        });
        self.put(payment)
    }
}
