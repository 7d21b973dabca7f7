//! *Track refund* on the wire.

use serde::Serialize;
use serde_json::Value;

use super::{
    call::{Call, Track, json_body},
    reader::Reader,
};
use crate::{
    delivery::PriorDelivery,
    error::Error,
    event::{EventKind, EventOutcome, InvalidEvent, NotAttributed, Refund, RefundOutcome, RetryClass, present},
    settings::Settings,
};

/// The body of the call: without the refund's own id.
#[derive(Serialize)]
struct Body<'a> {
    transaction_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_amount_cents: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_reason: Option<&'a str>,
}

impl Call for Refund {
    type Outcome = RefundOutcome;
    const NAME: &'static str = "track_refund";
    const PATH: &'static str = "api/v1/track/refund";

    fn retry_class(&self) -> RetryClass {
        EventKind::retry_class(self)
    }

    fn subject(&self) -> Option<&str> {
        self.ids().subject()
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        json_body(&Body {
            transaction_id: &self.transaction_id,
            refund_amount_cents: self.refund_amount_cents,
            refund_reason: present(self.refund_reason.as_ref()),
        })
    }

    fn read(&self, response: &Reader<'_>) -> Result<RefundOutcome, Error> {
        // Any other 404 does not come from the service: a wrong URL must not look like a sale without a partner.
        if response.status() == 404 && response.message_starts_with("Sale not found") {
            return Ok(RefundOutcome::NotAttributed(NotAttributed::SaleNotFound));
        }
        response.require_success()?;
        let deduction_cents = response.get("deductionAmount").and_then(Value::as_f64).map(cents);
        let commission_id = response.int("commission_id");
        let full = match response.text("status") {
            Some("no_commission") => return Ok(RefundOutcome::NoCommission),
            Some("skipped") => return Ok(RefundOutcome::AlreadyReversed { partial: !self.is_full() }),
            Some("reversed") => true,
            Some("refunded") => false,
            // Some pages show a reversal without a status: it is what was asked for.
            _ => self.is_full(),
        };
        Ok(if full {
            RefundOutcome::Reversed { deduction_cents, commission_id }
        } else {
            RefundOutcome::Refunded { deduction_cents, commission_id }
        })
    }
}

impl Track for Refund {
    const DISABLED: RefundOutcome = RefundOutcome::Disabled;

    fn check(&self) -> Result<(), InvalidEvent> {
        self.validate()
    }

    fn prepare(&mut self, settings: &Settings) -> Result<(), RefundOutcome> {
        if settings.test_mode { Err(RefundOutcome::Test) } else { Ok(()) }
    }
}

impl RefundOutcome {
    pub(crate) fn summary(&self, _: PriorDelivery) -> EventOutcome {
        match self {
            Self::AlreadyReversed { partial } => EventOutcome::AlreadyRecorded { uncertain: *partial },
            Self::NotAttributed(reason) => EventOutcome::NotAttributed { known: reason.is_known() },
            Self::Reversed { .. } | Self::Refunded { .. } | Self::NoCommission | Self::Test | Self::Disabled => {
                EventOutcome::Recorded
            }
        }
    }
}

/// Converts the dollars in a response to cents.
fn cents(dollars: f64) -> i64 {
    // The cast saturates.
    (dollars * 100.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries() {
        for (outcome, expected) in [
            (RefundOutcome::Reversed { deduction_cents: None, commission_id: None }, EventOutcome::Recorded),
            (RefundOutcome::NoCommission, EventOutcome::Recorded),
            (RefundOutcome::AlreadyReversed { partial: false }, EventOutcome::AlreadyRecorded { uncertain: false }),
            (RefundOutcome::AlreadyReversed { partial: true }, EventOutcome::AlreadyRecorded { uncertain: true }),
            (RefundOutcome::NotAttributed(NotAttributed::SaleNotFound), EventOutcome::NotAttributed { known: false }),
        ] {
            assert_eq!(outcome.summary(PriorDelivery::Impossible), expected, "{outcome:?}");
        }
    }
}
