//! Deciding with a ledger: everything is known since its start.

use super::{
    past::Past,
    payment::{Doubt, NotReported, Status},
    policy::Policy,
};

impl Past for Policy {
    fn excludes_sale(&self, paid_at: u64) -> Option<NotReported> {
        (paid_at < self.since).then_some(NotReported::BeforeLedger)
    }

    fn why_unknown(&self, created: Option<u64>) -> Option<NotReported> {
        created.and_then(|created| self.excludes_sale(created))
    }

    fn hold(&self) -> u64 {
        self.hold.as_secs()
    }

    fn is_in_conflict(&self) -> bool {
        self.conflict
    }

    fn is_recent(&self, returned_at: Option<u64>) -> bool {
        returned_at.is_some_and(|at| at >= self.since)
    }

    fn recent_of_bill(&self, _: u64) -> u64 {
        0
    }

    fn reports_without_amount(&self) -> bool {
        false
    }

    fn refund_target(&self, returned: u64, recent: u64, status: &Status, is_full: bool) -> (u64, Option<Doubt>) {
        // What was refunded before the start may have been reported.
        if *status == Status::NotReported(NotReported::BeforeLedger) && !is_full {
            (recent, (recent < returned).then_some(Doubt::RefundedBeforeLedger))
        } else {
            (returned, None)
        }
    }

    fn knows_refunds(&self, returned: u64, recent: u64, status: &Status) -> bool {
        // What was refunded before the start may have been reported.
        *status != Status::NotReported(NotReported::BeforeLedger) || recent >= returned
    }

    fn refund_id(&self, transaction_id: &str, target: u64, _: String) -> String {
        // The total is reached once.
        format!("{transaction_id}:{target}")
    }
}
