//! Refunds, and the events about them.

use serde_json::{Value, json};

use super::payments::Movement;
use super::shop::Shop;
use crate::money::{self, End, Step};

impl Shop<'_> {
    /// Lets refunds and disputes happen to payments.
    pub(super) fn aftermath(&mut self, movements: &[Movement]) {
        let mut order: Vec<&Movement> = movements.iter().collect();
        self.rng.shuffle(&mut order);
        for movement in order {
            let steps = if movement.sales.len() > 1 {
                self.full_refund_or_nothing(movement.amount)
            } else {
                money::aftermath(self.rng, movement.amount)
            };
            self.happen(movement, &steps);
            let given_back = money::given_back(&steps);
            for (sale, part) in &movement.sales {
                money::give_back(&mut self.sales, sale, given_back.min(*part));
            }
        }
    }

    /// Only a full refund says how much of it belongs to each invoice.
    fn full_refund_or_nothing(&mut self, amount: u64) -> Vec<Step> {
        let end = if self.rng.bool() { End::AtOnce } else { End::Late };
        if self.rng.bool() { vec![Step::Refund(amount, end)] } else { Vec::new() }
    }

    fn happen(&mut self, movement: &Movement, steps: &[Step]) {
        let mut waiting = Vec::new();
        for step in steps {
            match *step {
                Step::Refund(amount, End::AtOnce) => self.refund_at_once(movement, amount),
                Step::Refund(amount, End::Late) => {
                    self.note("pending refund that succeeds");
                    waiting.push((self.refund_pending(movement, amount), amount));
                }
                Step::Refund(amount, End::Never) => {
                    let (refund, counted) = self.refund_pending(movement, amount);
                    self.refund_fails(movement, &refund, amount, counted);
                }
                Step::Dispute(amount, verdict) => self.dispute(movement, amount, verdict),
            }
            if self.rng.bool() {
                self.settle(movement, &mut waiting);
            }
        }
        self.settle(movement, &mut waiting);
    }

    fn refund_at_once(&mut self, movement: &Movement, amount: u64) {
        let refund = self.create_refund(movement, amount, "succeeded");
        let previous = self.count_refund(movement, amount, true);
        if self.rng.bool() {
            self.tell("refund.created", &refund);
            self.tell_change("charge.refunded", &movement.charge, &previous);
        } else {
            self.tell_change("charge.refunded", &movement.charge, &previous);
            self.tell("refund.created", &refund);
        }
        if self.rng.bool() {
            let reference = json!({ "type": "card", "card": {
                "reference": "74510035",
                "reference_status": "available",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            } });
            let previous = self.change(&refund, json!({ "destination_details": reference }));
            self.tell_change("refund.updated", &refund, &previous);
            self.tell_change("charge.refund.updated", &refund, &previous);
        }
    }

    /// Starts a pending refund. Also returns whether the charge's running total contains it already.
    fn refund_pending(&mut self, movement: &Movement, amount: u64) -> (String, bool) {
        let refund = self.create_refund(movement, amount, "pending");
        self.tell("refund.created", &refund);
        let counted = self.rng.bool();
        if counted {
            self.note("charge.refunded for a pending refund");
            let previous = self.count_refund(movement, amount, true);
            self.tell_change("charge.refunded", &movement.charge, &previous);
        }
        (refund, counted)
    }

    fn settle(&mut self, movement: &Movement, waiting: &mut Vec<((String, bool), u64)>) {
        for ((refund, counted), amount) in waiting.drain(..) {
            let previous = self.change(&refund, json!({ "status": "succeeded" }));
            self.tell_change("refund.updated", &refund, &previous);
            self.tell_change("charge.refund.updated", &refund, &previous);
            if !counted {
                let previous = self.count_refund(movement, amount, true);
                self.tell_change("charge.refunded", &movement.charge, &previous);
            }
        }
    }

    fn refund_fails(&mut self, movement: &Movement, refund: &str, amount: u64, counted: bool) {
        if counted {
            self.note("charge.refunded for a refund that fails");
            self.count_refund(movement, amount, false);
        }
        let canceled = self.rng.u8(..3) == 0;
        self.note(if canceled { "canceled refund" } else { "failed refund" });
        let fields = if canceled {
            json!({ "status": "canceled" })
        } else {
            let transaction = self.id("txn");
            json!({
                "status": "failed",
                "failure_reason": "expired_or_canceled_card",
                "failure_balance_transaction": transaction,
            })
        };
        let previous = self.change(refund, fields);
        self.tell_change("refund.updated", refund, &previous);
        self.tell_change("charge.refund.updated", refund, &previous);
        // The old API has no `refund.failed`.
        if !canceled && !self.is_old() {
            self.tell_change("refund.failed", refund, &previous);
        }
    }

    /// Releases the rest of a partly captured charge. The old API makes a refund of it, though the customer never paid it.
    pub(super) fn release(&mut self, charge: &str, intent: &str, amount: u64) {
        self.note("refund object of the released part");
        let movement = Movement { charge: charge.to_owned(), intent: intent.to_owned(), amount, sales: Vec::new() };
        let refund = self.create_refund(&movement, amount, "succeeded");
        self.change(&refund, json!({ "reason": null }));
        let previous = self.count_refund(&movement, amount, true);
        self.tell_change("charge.refunded", charge, &previous);
        let reference = json!({ "destination_details": { "type": "card", "card": { "type": "reversal" } } });
        let previous = self.change(&refund, reference);
        self.tell_change("charge.refund.updated", &refund, &previous);
    }

    fn create_refund(&mut self, movement: &Movement, amount: u64, status: &str) -> String {
        let (id, transaction) = (self.id("re"), self.id("txn"));
        let mut refund = json!({
            "id": id,
            "object": "refund",
            "amount": amount,
            "balance_transaction": transaction,
            "charge": movement.charge,
            "created": self.now(),
            "currency": self.currency(),
            "destination_details": { "type": "card", "card": { "type": "refund", "reference_status": "pending" } },
            "metadata": {},
            "payment_intent": movement.intent,
            "reason": "requested_by_customer",
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": status,
            "transfer_reversal": null,
        });
        if status == "pending" && !self.is_old() {
            refund["pending_reason"] = json!("processing");
        }
        self.put(refund)
    }

    /// Adds a refund to the charge's running total, or takes it out. Returns the previous values.
    fn count_refund(&mut self, movement: &Movement, amount: u64, add: bool) -> Value {
        let charge = self.get(&movement.charge);
        let before = charge["amount_refunded"].as_u64().unwrap_or(0);
        let all = charge[if self.is_old() { "amount" } else { "amount_captured" }].as_u64().unwrap_or(0);
        let after = if add { before + amount } else { before - amount };
        let fields = json!({ "amount_refunded": after, "refunded": after == all });
        self.change(&movement.charge, fields)
    }
}
