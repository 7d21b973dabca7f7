//! What a decision assumes about the past. A [ledger](super::Policy) knows everything since its start; memory knows what it has not
//! forgotten.

use super::payment::{Doubt, NotReported, Status};

/// What is known about the past.
pub(super) trait Past {
    /// Why a sale that was paid at this time, in seconds of Unix time, is not reported now.
    fn excludes_sale(&self, paid_at: u64) -> Option<NotReported>;

    /// Why a sale is not known of which there is a refund. `None` if the sale may still come. `created` is the time of its charge.
    fn why_unknown(&self, created: Option<u64>) -> Option<NotReported>;

    /// How long to wait for what may show that a payment, or a refund, is a part of another, in seconds.
    fn hold(&self) -> u64;

    /// Whether it is unknown who reports the payments.
    fn is_in_conflict(&self) -> bool;

    /// Whether money that was returned at this time may not have been reported before.
    fn is_recent(&self, returned_at: Option<u64>) -> bool;

    /// Which part of a bill's total of refunds may not have been reported before.
    fn recent_of_bill(&self, total_cents: u64) -> u64;

    /// Whether a refund is reported of a sale whose amount is not known.
    fn reports_without_amount(&self) -> bool;

    /// How much is to be reported of what was returned, of which a part is certainly recent, and what a person should check.
    fn refund_target(&self, returned: u64, recent: u64, status: &Status, is_full: bool) -> (u64, Option<Doubt>);

    /// Whether it is known what was reported of what was returned, of which a part is certainly recent. If not, a full refund brings it
    /// right.
    fn knows_refunds(&self, returned: u64, recent: u64, status: &Status) -> bool;

    /// The id of a partial refund after which `target` cents are reported in all. `latest` names the latest refund of the sale, on
    /// which several processes agree that know nothing else.
    fn refund_id(&self, transaction_id: &str, target: u64, latest: String) -> String;
}
