//! What the log says about payments that are not reported.

use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;

use crate::{
    ledger::{Form, NotReported, Payment, Status},
    provider::{Ignored, NoFacts, Provider},
    reading::Reading,
};

/// Whether a payment without our metadata was reported as a warning in this process.
static WARNED: AtomicBool = AtomicBool::new(false);

impl<P: Provider> Reading<'_, P> {
    /// Whether the webhook contains metadata for Affitor, wherever it is.
    fn names_affitor(&self) -> bool {
        // As a key of JSON, so that a text which mentions it does not count.
        [r#""affitor_customer_key""#, r#""affitor_click_id""#]
            .iter()
            .any(|name| memmem::find(self.0.body(), name.as_bytes()).is_some())
    }

    /// Logs why a webhook says nothing about payments: for a ledger. A warning if it contains metadata for Affitor.
    pub fn log_ignored(&self, reason: &NoFacts) {
        match reason {
            NoFacts::Refused(reason) => tracing::error!(webhook = ?self.0, %reason, "a payment is not reported"),
            NoFacts::Ignored(reason @ (Ignored::ThinEvent | Ignored::CannotBeUndone)) => {
                tracing::warn!(webhook = ?self.0, %reason, "a payment webhook is ignored");
            }
            NoFacts::Ignored(reason @ (Ignored::NothingPaid | Ignored::NotPaidYet)) => {
                tracing::info!(webhook = ?self.0, %reason, "a payment webhook is ignored");
            }
            NoFacts::Ignored(reason) if self.names_affitor() => {
                tracing::warn!(webhook = ?self.0, %reason, "a webhook with metadata for Affitor is ignored");
            }
            NoFacts::Ignored(reason) => tracing::debug!(webhook = ?self.0, %reason, "a payment webhook is ignored"),
        }
    }

    /// Logs what became of a payment in this webhook: for a ledger. What carries metadata for Affitor and is not
    /// reported is a warning, unless that is expected.
    pub fn log_payment(&self, payment: &Payment) {
        for doubt in &payment.doubts {
            tracing::warn!(webhook = ?self.0, %doubt, "check this payment");
        }
        let status = &payment.status;
        match status {
            Status::Reported | Status::NotReported(NotReported::EarlierWebhook) => {
                tracing::debug!(webhook = ?self.0, %status, "a payment is recorded");
            }
            Status::Conflict => {
                tracing::error!(webhook = ?self.0, %status, "a payment is held: decide with `affitor payments reporter`");
            }
            Status::NotReported(NotReported::NoCustomer)
                if payment.form != Some(Form::Intent) && payment.paid_cents > 0 =>
            {
                let help = P::METADATA_HELP;
                if WARNED.swap(true, Ordering::Relaxed) {
                    tracing::info!(webhook = ?self.0, help, "a payment names no customer, so no partner can be paid for it");
                } else {
                    tracing::warn!(webhook = ?self.0, help, "a payment names no customer, so no partner can be paid for it");
                }
            }
            Status::NotReported(NotReported::UnsupportedCurrency { .. }) if payment.attribution.names_somebody() => {
                tracing::warn!(webhook = ?self.0, %status, "a payment with a customer is not reported");
            }
            Status::NotReported(NotReported::OtherProgram | NotReported::BeforeLedger) if self.names_affitor() => {
                tracing::warn!(webhook = ?self.0, %status, "a payment with metadata for Affitor is not reported");
            }
            _ => tracing::info!(webhook = ?self.0, %status, "a payment is not reported"),
        }
    }
}
