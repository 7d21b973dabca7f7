//! What a reconciliation found. Pure.

use crate::provider::PaymentProvider;
use affitor_outbox::{
    PaymentRecord,
    affitor::Event,
    payments::ledger::{NotReported, Payment, Status},
};
use serde::Serialize;

/// Number of payments to check that are listed.
const LISTED: usize = 100;

/// Counts of payments by what was found. A payment counts once.
#[derive(Debug, Default, Serialize)]
pub(super) struct Payments {
    /// Nothing is missing in the ledger.
    pub(super) known: u64,
    /// New in the ledger, or with a sale or refund that was missing.
    pub(super) recorded: u64,
    /// Made before the ledger was started, and therefore not reported as sales.
    pub(super) before_ledger: u64,
    /// Can't be read with certainty.
    pub(super) refused: u64,
    /// They name no customer, or another Affitor program.
    pub(super) not_ours: u64,
    /// The provider's API does not say who the customer is, and no webhook has said it.
    pub(super) not_attributed: u64,
}

/// Counts of the events that were enqueued, or would be.
#[derive(Debug, Default, Serialize)]
pub(super) struct Enqueued {
    pub(super) sales: u64,
    pub(super) refunds: u64,
}

/// A payment that a person should check.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) id: String,
    pub(super) reason: String,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) payments: Payments,
    pub(super) enqueued: Enqueued,
    /// The first payments to check.
    pub(super) checks: Vec<Check>,
    /// Number of all payments to check.
    pub(super) to_check: u64,
}

impl Payments {
    pub(super) fn total(&self) -> u64 {
        let Self { known, recorded, before_ledger, refused, not_ours, not_attributed } = self;
        known + recorded + before_ledger + refused + not_ours + not_attributed
    }
}

impl Tally {
    /// Counts a payment that can't be read.
    pub(super) fn refuse(&mut self, id: &str, reason: &str) {
        self.payments.refused += 1;
        self.check(id, reason);
    }

    /// Counts a payment that the ledger has recorded.
    pub(super) fn add(&mut self, provider: PaymentProvider, id: &str, record: &PaymentRecord) {
        if let Some(reason) = &record.refused {
            return self.refuse(id, &reason.to_string());
        }
        for event in &record.enqueued {
            match event {
                Event::Sale(_) => self.enqueued.sales += 1,
                _ => self.enqueued.refunds += 1,
            }
        }
        let has = |wanted: fn(&Status) -> bool| record.payments.iter().any(|payment| wanted(&payment.status));
        let is_unattributed = |status: &Status| matches!(status, Status::NotReported(NotReported::NoCustomer));
        if !record.enqueued.is_empty() {
            self.payments.recorded += 1;
        } else if provider == PaymentProvider::LemonSqueezy && has(is_unattributed) {
            self.payments.not_attributed += 1;
            // One that is known was told here, or by a webhook that names no customer.
            if record.changed {
                let reason = "its customer is unknown: resend its `order_created`, or its subscription's \
                              `subscription_created`, from Lemon Squeezy's settings";
                self.check(id, reason);
            }
        } else if !has(is_ours) {
            self.payments.not_ours += 1;
        } else if has(|status| *status == Status::Reported) {
            self.payments.known += 1;
        } else if has(is_older) {
            self.payments.before_ledger += 1;
        } else if record.changed {
            self.payments.recorded += 1;
        } else {
            self.payments.known += 1;
        }
        for payment in &record.payments {
            if let Some(reason) = doubt(payment, record.changed) {
                self.check(&payment.transaction_id, &reason);
            }
        }
    }

    fn check(&mut self, id: &str, reason: &str) {
        self.to_check += 1;
        if self.checks.len() < LISTED {
            self.checks.push(Check { id: id.to_owned(), reason: reason.to_owned() });
        }
    }
}

/// Whether a payment concerns this program.
fn is_ours(status: &Status) -> bool {
    use NotReported::{CountedAs, NoCustomer, OtherProgram, SaleUnknown};
    !matches!(status, Status::NotReported(NoCustomer | OtherProgram | SaleUnknown | CountedAs { .. }))
}

fn is_older(status: &Status) -> bool {
    matches!(status, Status::NotReported(NotReported::BeforeLedger))
}

/// What a person should check about a payment. Doubts about what is known were shown before.
fn doubt(payment: &Payment, changed: bool) -> Option<String> {
    if payment.status == Status::Conflict {
        return Some(format!("{}: decide with `affitor payments reporter`", payment.status));
    }
    let doubt = payment.doubts.first().filter(|_| changed)?;
    Some(doubt.to_string())
}
