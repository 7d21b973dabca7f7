//! Filling in the visitor of an event.

use crate::visitor::Visitor;

/// An event that takes missing fields from a [`Visitor`].
///
/// Implemented by the events of this crate, and by no others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an Affitor event",
    label = "expected a `Lead`, `Sale`, `Refund` or `Event`",
    note = "create one with `Lead::new(user_id)`, `Sale::new(transaction_id, amount_cents, currency)` or `Refund::full(transaction_id)`"
)]
pub trait Attributable: sealed::Sealed {
    /// Fills in the click id, and in a lead the click history, where the event has none. A refund has neither: it finds its
    /// sale by the transaction id.
    fn attribute_to(&mut self, visitor: &Visitor);
}

pub(super) mod sealed {
    pub trait Sealed {}
    impl Sealed for super::super::Event {}
}
