//! The names of the checks.

use super::outage;

pub(super) const COOKIE: &str = "sign-up, cookie";
pub(super) const HEADER: &str = "sign-up, header";
pub(super) const FIELD: &str = "sign-up, body field";
pub(super) const TWICE: &str = "sign-up, twice";
pub(super) const ALONE: &str = "sign-up, no partner";
pub(super) const RESTART: &str = "sign-up, restart";
pub(super) const SALE: &str = "sale";
pub(super) const SECOND: &str = "second payment";
pub(super) const CONNECTED: &str = "sale, connected";
pub(super) const SIGNATURE: &str = "signature";
pub(super) const UNPAID: &str = "unpaid session";
pub(super) const REDELIVERY: &str = "redelivery";
pub(super) const RENEWAL: &str = "renewal";
pub(super) const PARTIAL_REFUND: &str = "partial refund";
pub(super) const REFUND: &str = "refund";
pub(super) const AFTER_SALE: &[&str] = &[REDELIVERY, SECOND, PARTIAL_REFUND, RENEWAL, REFUND, outage::SALE];
