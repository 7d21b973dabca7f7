//! Disputes, and the events about them.

use serde_json::{Map, Value, json};

use super::payments::Movement;
use super::shop::Shop;
use crate::money::Verdict;

const EVIDENCE: [&str; 27] = [
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
];

impl Shop<'_> {
    /// Opens a dispute and closes it.
    pub(super) fn dispute(&mut self, movement: &Movement, amount: u64, verdict: Verdict) {
        self.note(match verdict {
            Verdict::Lost => "lost dispute",
            Verdict::Won => "won dispute",
            Verdict::Warning => "dispute inquiry",
        });
        let inquiry = verdict == Verdict::Warning;
        let dispute = self.create_dispute(movement, amount, inquiry);
        self.change(&movement.charge, json!({ "disputed": true }));
        self.tell("charge.dispute.created", &dispute);
        if !inquiry {
            let withdrawn = self.balance_transaction(&dispute, amount, true);
            let previous = self.change(&dispute, json!({ "balance_transactions": [withdrawn] }));
            self.tell_change("charge.dispute.funds_withdrawn", &dispute, &previous);
        }
        if self.rng.bool() {
            let status = if inquiry { "warning_under_review" } else { "under_review" };
            let previous = self.change(&dispute, json!({ "status": status }));
            self.tell_change("charge.dispute.updated", &dispute, &previous);
        }
        let status = match verdict {
            Verdict::Lost => "lost",
            Verdict::Won => "won",
            Verdict::Warning => "warning_closed",
        };
        let previous = self.change(&dispute, json!({ "status": status }));
        self.tell_change("charge.dispute.closed", &dispute, &previous);
        if verdict == Verdict::Won {
            let reinstated = self.balance_transaction(&dispute, amount, false);
            let mut transactions = self.get(&dispute)["balance_transactions"].clone();
            if let Some(transactions) = transactions.as_array_mut() {
                transactions.push(reinstated);
            }
            let previous = self.change(&dispute, json!({ "balance_transactions": transactions }));
            self.tell_change("charge.dispute.funds_reinstated", &dispute, &previous);
        }
    }

    fn create_dispute(&mut self, movement: &Movement, amount: u64, inquiry: bool) -> String {
        let id = self.id("du");
        let evidence: Map<String, Value> = EVIDENCE.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        let mut dispute = json!({
            "id": id,
            "object": "dispute",
            "amount": amount,
            "balance_transactions": [],
            "charge": movement.charge,
            "created": self.now(),
            "currency": self.currency(),
            "evidence": evidence,
            "evidence_details": {
                "due_by": self.now() + 7 * 86_400,
                "has_evidence": false,
                "past_due": false,
                "submission_count": 0,
            },
            "is_charge_refundable": inquiry,
            "livemode": true,
            "metadata": {},
            "payment_intent": movement.intent,
            "payment_method_details": { "type": "card", "card": {
                "brand": "visa",
                "case_type": if inquiry { "inquiry" } else { "chargeback" },
                "network_reason_code": "10.4",
            } },
            "reason": "fraudulent",
            "status": if inquiry { "warning_needs_response" } else { "needs_response" },
        });
        if !self.is_old() {
            dispute["enhanced_eligibility_types"] = json!([]);
            dispute["evidence"]["enhanced_evidence"] = json!({});
            dispute["evidence_details"]["enhanced_eligibility"] = json!({});
        }
        self.put(dispute)
    }

    /// The transfer of a dispute's money from or to the shop.
    fn balance_transaction(&mut self, dispute: &str, amount: u64, withdrawn: bool) -> Value {
        let (id, sign) = (self.id("txn"), if withdrawn { -1_i64 } else { 1 });
        let (amount, fee) = (sign * amount.cast_signed(), if withdrawn { 1_500 } else { 0 });
        let mut transaction = json!({
            "id": id,
            "object": "balance_transaction",
            "amount": amount,
            "available_on": self.now(),
            "created": self.now(),
            "currency": self.currency(),
            "description": "Chargeback",
            "exchange_rate": null,
            "fee": fee,
            "fee_details": [],
            "net": amount - fee,
            "reporting_category": if withdrawn { "dispute" } else { "dispute_reversal" },
            "source": dispute,
            "status": "available",
            "type": "adjustment",
        });
        if !self.is_old() {
            transaction["balance_type"] = json!("payments");
        }
        transaction
    }
}
