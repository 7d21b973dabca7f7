//! The names of the payment checks.

use super::outage;

pub(super) const SALE: &str = "sale";
pub(super) const CONNECTED: &str = "sale, connected";
pub(super) const SIGNATURE: &str = "signature";
pub(super) const REDELIVERY: &str = "redelivery";
pub(super) const RENEWAL: &str = "renewal";
pub(super) const PARTIAL_REFUND: &str = "partial refund";
pub(super) const REFUND: &str = "refund";
pub(super) const AFTER_SALE: &[&str] = &[REDELIVERY, PARTIAL_REFUND, RENEWAL, REFUND, outage::SALE];
