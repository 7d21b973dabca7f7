//! What has to arrive before an event.

use affitor::{ClickId, Event};

/// What an event has to wait for: a lead of this customer or click, a sale of this transaction.
pub(super) struct Forerunner<'e> {
    pub(super) kind: &'static str,
    pub(super) customer_key: Option<&'e str>,
    pub(super) click_id: Option<&'e str>,
    pub(super) transaction_id: Option<&'e str>,
}

impl<'e> Forerunner<'e> {
    pub(super) fn of(event: &'e Event) -> Option<Self> {
        match event {
            Event::Sale(sale) => Some(Self {
                kind: "lead",
                customer_key: sale.customer_key.as_deref(),
                click_id: sale.click_id.as_ref().map(ClickId::as_str),
                transaction_id: None,
            }),
            Event::Refund(refund) => Some(Self {
                kind: "sale",
                customer_key: None,
                click_id: None,
                transaction_id: Some(&refund.transaction_id),
            }),
            _ => None,
        }
    }
}
