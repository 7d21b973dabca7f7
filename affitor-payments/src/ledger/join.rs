//! Joins two reports of one object. The result does not depend on their order.

use super::attribution::{Attribution, Source};
use super::object::{Allocation, Bill, Checkout, Details, Intent, Object, Paid};
use super::reversal::{Charge, CreditNote, Reversal};

/// Takes over what another report of the same object adds.
pub(super) trait Join {
    fn join(&mut self, other: Self);
}

/// Takes the greater value. `None` is less than everything.
fn greater<T: Ord>(own: &mut T, other: T) {
    if other > *own {
        *own = other;
    }
}

/// Implements [`Join`] field by field: the first list is compared, the second one joined.
macro_rules! join {
    ($type:ty { $($compared:ident)* } { $($joined:ident)* }) => {
        impl Join for $type {
            fn join(&mut self, other: Self) {
                $(greater(&mut self.$compared, other.$compared);)*
                $(self.$joined.join(other.$joined);)*
            }
        }
    };
}

join! { Bill { source customer lines refunded_cents contradicts may_repeat_checkout } { paid attribution fallback details } }
join! { Checkout { movement bill one_time without_tax product_id lines } { paid attribution } }
join! { Intent { product_id fee_cents released_cents } { paid attribution } }
join! { Charge { movement captured_cents refunded released_cents refunded_before currency created } {} }
join! { Allocation { bill movement cents } {} }
join! { Reversal { of cents net_cents currency status is_dispute created known_since } {} }
join! { CreditNote { bill refunds without_tax is_void } {} }
join! { Details { recurring subscription_id interval product_id } {} }

impl Attribution {
    /// A later report wins, but a reference loses. The texts decide between reports of the same second.
    fn rank(&self) -> impl Ord + '_ {
        (self.names_somebody(), !self.by_reference, self.said_at, &self.customer_key, &self.click_id, &self.program_id)
    }
}

impl Join for Source {
    fn join(&mut self, other: Self) {
        self.is_customer |= other.is_customer;
        let (own, its) = (&self.attribution.customer_key, &other.attribution.customer_key);
        let differs = own.is_some() && its.is_some() && own != its;
        self.disagrees |= other.disagrees || (self.is_customer && differs);
        self.attribution.join(other.attribution);
    }
}

impl Source {
    /// Takes over what another report of the same subscription or customer adds.
    pub(crate) fn merge(&mut self, other: Self) {
        self.join(other);
    }
}

impl Join for Attribution {
    /// Customer, click and program come from one report: from the latest one that names somebody.
    fn join(&mut self, other: Self) {
        let is_forgotten = self.is_forgotten || other.is_forgotten;
        if other.rank() > self.rank() {
            *self = other;
        }
        if is_forgotten {
            *self = Self { is_forgotten, ..Self::default() };
        }
    }
}

impl Join for Paid {
    /// Amount, currency and tax come from one report: from the one with the greatest amount.
    fn join(&mut self, other: Self) {
        greater(&mut self.at, other.at);
        greater(&mut self.known_since, other.known_since);
        let amount = |paid: &Self| (paid.cents, paid.currency, paid.without_tax);
        if amount(&other) > amount(self) {
            (self.cents, self.currency, self.without_tax) = (other.cents, other.currency, other.without_tax);
        }
    }
}

impl<T: Join> Join for Option<T> {
    fn join(&mut self, other: Self) {
        match (self, other) {
            (Some(own), Some(other)) => own.join(other),
            (own @ None, other) => *own = other,
            (Some(_), None) => {}
        }
    }
}

impl Join for Object {
    /// An id belongs to one kind of object. If a provider ever says otherwise, the last kind in the order of [`Object`] wins.
    fn join(&mut self, other: Self) {
        match (self, other) {
            (Self::Bill(own), Self::Bill(other)) => own.join(other),
            (Self::Checkout(own), Self::Checkout(other)) => own.join(other),
            (Self::Intent(own), Self::Intent(other)) => own.join(other),
            (Self::Charge(own), Self::Charge(other)) => own.join(other),
            (Self::Allocation(own), Self::Allocation(other)) => own.join(other),
            (Self::Reversal(own), Self::Reversal(other)) => own.join(other),
            (Self::CreditNote(own), Self::CreditNote(other)) => own.join(other),
            (Self::Source(own), Self::Source(other)) => own.join(other),
            (own, other) => {
                if rank(&other) > rank(own) {
                    *own = other;
                }
            }
        }
    }
}

fn rank(object: &Object) -> u8 {
    match object {
        Object::Bill(_) => 0,
        Object::Checkout(_) => 1,
        Object::Intent(_) => 2,
        Object::Charge(_) => 3,
        Object::Allocation(_) => 4,
        Object::Reversal(_) => 5,
        Object::CreditNote(_) => 6,
        Object::Source(_) => 7,
    }
}
