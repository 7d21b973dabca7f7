//! What a webhook endpoint remembers of the payments that were reported: the API has no id for a refund, and some providers
//! report running totals. The memory is bounded and not persisted.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Number of entries of each kind. When it is exceeded, the oldest entry is forgotten.
const CAPACITY: usize = 10_000;

/// The recently reported payments of one endpoint.
#[derive(Debug, Default)]
pub(super) struct PaymentMemory {
    /// Partial refunds by their own id.
    refunds: Mutex<Bounded<RefundState>>,
    /// Total amount refunded of a sale in cents, by transaction id.
    totals: Mutex<Bounded<u64>>,
    /// Sales whose refunds, or next delivery, depend on how they were last reported; by transaction id.
    sales: Mutex<Bounded<SaleState>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RefundState {
    InProgress,
    Reported,
}

/// How a sale was last reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SaleState {
    /// No partner brought the customer, so refunds do not wait for this sale.
    Unattributed,
    /// The provider was asked to redeliver it, so refunds wait for it, however old they are.
    AwaitingRedelivery {
        /// Whether the sale may have arrived. If the service knows it next time, its commission may be missing.
        may_have_arrived: bool,
    },
}

/// Whether a refund may be reported.
#[derive(Debug)]
pub(super) enum Claimed {
    /// It may. It counts as reported unless the claim is released.
    New(RefundClaim),
    InProgress,
    Reported,
}

/// A refund that is being reported. When it is dropped, the refund counts as reported, because it may have arrived.
#[derive(Debug)]
pub(super) struct RefundClaim {
    memory: Arc<PaymentMemory>,
    refund_id: String,
    released: bool,
}

impl PaymentMemory {
    /// Claims a partial refund, so that it is reported once.
    pub(super) fn claim_refund(self: &Arc<Self>, refund_id: &str) -> Claimed {
        let mut refunds = lock(&self.refunds);
        match refunds.values.get(refund_id) {
            Some(RefundState::Reported) => return Claimed::Reported,
            Some(RefundState::InProgress) => return Claimed::InProgress,
            None => refunds.set(refund_id, RefundState::InProgress),
        }
        Claimed::New(RefundClaim { memory: Arc::clone(self), refund_id: refund_id.to_owned(), released: false })
    }

    /// Returns the total amount refunded of a sale when it was last reported, in cents.
    pub(super) fn total(&self, transaction_id: &str) -> u64 {
        lock(&self.totals).values.get(transaction_id).copied().unwrap_or_default()
    }

    pub(super) fn set_total(&self, transaction_id: &str, cents: u64) {
        lock(&self.totals).set(transaction_id, cents);
    }

    pub(super) fn sale(&self, transaction_id: &str) -> Option<SaleState> {
        lock(&self.sales).values.get(transaction_id).copied()
    }

    pub(super) fn set_sale(&self, transaction_id: &str, state: Option<SaleState>) {
        let mut sales = lock(&self.sales);
        match state {
            Some(state) => sales.set(transaction_id, state),
            None => sales.remove(transaction_id),
        }
    }
}

impl RefundClaim {
    /// Allows the refund to be claimed again, because it certainly was not reported.
    pub(super) fn release(mut self) {
        self.released = true;
    }
}

impl Drop for RefundClaim {
    fn drop(&mut self) {
        let mut refunds = lock(&self.memory.refunds);
        if self.released {
            refunds.remove(&self.refund_id);
        } else {
            refunds.set(&self.refund_id, RefundState::Reported);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A map that forgets its oldest entries.
#[derive(Debug)]
struct Bounded<V> {
    values: HashMap<String, V>,
    order: VecDeque<String>,
}

impl<V> Default for Bounded<V> {
    fn default() -> Self {
        Self { values: HashMap::new(), order: VecDeque::new() }
    }
}

impl<V> Bounded<V> {
    fn set(&mut self, key: &str, value: V) {
        if self.values.insert(key.to_owned(), value).is_some() {
            return;
        }
        if self.order.len() >= CAPACITY {
            let oldest = self.order.pop_front();
            oldest.map(|oldest| self.values.remove(&oldest));
        }
        self.order.push_back(key.to_owned());
    }

    fn remove(&mut self, key: &str) {
        if self.values.remove(key).is_some() {
            self.order.retain(|known| known != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims() {
        let memory = Arc::new(PaymentMemory::default());
        let Claimed::New(first) = memory.claim_refund("re_1") else { panic!() };
        assert!(matches!(memory.claim_refund("re_1"), Claimed::InProgress));
        first.release();
        let Claimed::New(second) = memory.claim_refund("re_1") else { panic!("a released refund can be claimed") };
        drop(second);
        assert!(matches!(memory.claim_refund("re_1"), Claimed::Reported));
        assert!(matches!(memory.claim_refund("re_2"), Claimed::New(_)), "another refund");
    }

    #[test]
    fn memory_is_bounded() {
        let mut bounded = Bounded::default();
        for number in 0..CAPACITY + 5 {
            bounded.set(&number.to_string(), number);
            bounded.set(&number.to_string(), number);
        }
        assert_eq!((bounded.values.len(), bounded.order.len()), (CAPACITY, CAPACITY));
        bounded.remove("100");
        assert_eq!((bounded.values.len(), bounded.order.len()), (CAPACITY - 1, CAPACITY - 1));
    }
}
