//! Deciding without a ledger: what is known may be forgotten, so a webhook counts for what it announces.
//!
//! What a memory forgets must not be guessed (`ledger/in_memory.rs`, `provider/announced.rs`). Without a ledger, an event counts only
//! if it announces a payment or a refund: a later change of an old order must not report the order again. A refund whose sale is not
//! remembered is reported with what was added to the provider's running total. Stripe reports each refund twice, on the charge and as
//! a refund. In memory only the charge counts, because after a restart the two could not be recognised as one.

use std::collections::BTreeMap;

use super::{
    attribution::Source,
    decide::decide_with,
    facts::Facts,
    past::Past,
    payment::{Decision, Doubt, NotReported, Status},
    policy::{Policy, Reports},
};

/// What is in memory.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// Whether a webhook has announced the payment. Sales are reported only then.
    is_announced: bool,
}

/// Decides as [`decide`](super::decide), if the facts are only in memory. A refund is reported even if its sale is not known, and
/// only with what was added to the total that the provider reported before.
pub(crate) fn decide_in_memory(
    facts: &Facts,
    sources: &BTreeMap<String, Source>,
    reports: &Reports,
    policy: &Policy,
    is_announced: bool,
    now: u64,
) -> Decision {
    decide_with(&Memory { is_announced }, facts, sources, reports, policy, now)
}

impl Past for Memory {
    fn excludes_sale(&self, _: u64) -> Option<NotReported> {
        (!self.is_announced).then_some(NotReported::EarlierWebhook)
    }

    fn why_unknown(&self, _: Option<u64>) -> Option<NotReported> {
        Some(NotReported::EarlierWebhook)
    }

    fn hold(&self) -> u64 {
        0
    }

    fn is_in_conflict(&self) -> bool {
        false
    }

    fn is_recent(&self, _: Option<u64>) -> bool {
        true
    }

    fn recent_of_bill(&self, total_cents: u64) -> u64 {
        total_cents
    }

    fn reports_without_amount(&self) -> bool {
        true
    }

    fn refund_target(&self, _: u64, recent: u64, _: &Status, _: bool) -> (u64, Option<Doubt>) {
        (recent, None)
    }

    fn knows_refunds(&self, _: u64, _: u64, _: &Status) -> bool {
        true
    }

    fn refund_id(&self, _: &str, _: u64, latest: String) -> String {
        latest
    }
}
