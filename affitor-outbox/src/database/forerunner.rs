//! What has to arrive before an event.

use affitor::{ClickId, Event};

/// What an event has to wait for, while it is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forerunner<'e> {
    /// A sale waits for a lead of its customer, or of its click.
    Lead { customer_key: Option<&'e str>, click_id: Option<&'e str> },
    /// A refund waits for its sale, and for an earlier refund of it: of two parts the first to arrive may be the one that counts.
    Payment { transaction_id: &'e str },
}

impl<'e> Forerunner<'e> {
    pub(super) fn of(event: &'e Event) -> Option<Self> {
        match event {
            Event::Sale(sale) => Some(Self::Lead {
                customer_key: sale.customer_key.as_deref(),
                click_id: sale.click_id.as_ref().map(ClickId::as_str),
            }),
            Event::Refund(refund) => Some(Self::Payment { transaction_id: &refund.transaction_id }),
            _ => None,
        }
    }
}
