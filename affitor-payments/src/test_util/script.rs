//! What differs between providers: which webhooks they send.

use super::{Details, PaymentIds};

/// The webhooks of one provider.
pub trait Script: Default + Clone + Send + Sync + 'static {
    /// Ids of the latest payment.
    fn ids(&self, details: &Details) -> PaymentIds;
    /// Webhooks of the latest payment.
    fn paid(&self, details: &Details) -> Vec<Rendered>;
    /// Webhooks of the latest refund, of this amount.
    fn refunded(&self, details: &Details, cents: u64) -> Vec<Rendered>;
}

/// A webhook before it is signed.
#[allow(missing_debug_implementations, reason = "it contains e-mail addresses")]
pub struct Rendered {
    pub(super) id: String,
    pub(super) event_type: &'static str,
    pub(super) body: String,
}
