//! What delivery needs to know of each kind of event.

use affitor_core::{ClickId, Visitor};

use super::invalid::InvalidEvent;

/// Implemented once by each kind of event, in the file of the event.
pub(crate) trait EventKind {
    /// Checks that the event has what the service requires.
    fn validate(&self) -> Result<(), InvalidEvent>;

    /// Whether the event may be repeated.
    fn retry_class(&self) -> RetryClass;

    /// The ids in the event. Blank ones are missing.
    fn ids(&self) -> EventIds<'_>;

    /// Fills in the click id and the click history, where the event has none.
    fn attribute_to(&mut self, _: &Visitor) {}
    /// Which earlier events must be delivered first.
    fn waits_for(&self) -> WaitsFor<'_> {
        WaitsFor::Nothing
    }

    /// What makes two events the same, `None` for test events.
    fn identity(&self) -> Result<Option<Vec<&str>>, InvalidEvent>;
}

/// Whether a call may be repeated after an attempt that may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryClass {
    /// Repeating is safe: the service records the call once.
    Idempotent,
    /// A repeated call may count twice, so it is repeated only if the first one certainly had no effect. Applies to clicks
    /// and partial refunds: the documentation does not say that the service tells two equal ones apart.
    NotIdempotent,
}

/// The ids in an event. Blank ones are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventIds<'e> {
    /// Your own user id.
    pub customer_key: Option<&'e str>,
    /// Click id of the visitor.
    pub click_id: Option<&'e ClickId>,
    /// Transaction id of the sale.
    pub transaction_id: Option<&'e str>,
    /// Id of a refund at the payment provider.
    pub refund_id: Option<&'e str>,
}

impl<'e> EventIds<'e> {
    /// The id that names the event in logs: the payment, else the customer, else the click. A customer key may be an e-mail address, so
    /// redact it.
    pub fn subject(self) -> Option<&'e str> {
        self.transaction_id.or(self.customer_key).or(self.click_id.map(ClickId::as_str))
    }
}

/// Which earlier events must be delivered before an event.
///
/// This enum is exhaustive, because code that orders events must handle each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor<'e> {
    /// No other event.
    Nothing,
    /// Leads of this customer, or of this click. A sale waits for them.
    Leads {
        /// Your own user id.
        customer_key: Option<&'e str>,
        /// Click id of the visitor.
        click_id: Option<&'e ClickId>,
    },
    /// The sale with this transaction id, and earlier refunds of it. A refund waits for them: the service may count only the
    /// first partial refund.
    Payment {
        /// Transaction id of the sale.
        transaction_id: &'e str,
    },
}
