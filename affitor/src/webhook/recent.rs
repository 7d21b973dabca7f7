//! What a client remembers of the payments that it has reported: the API has no id for a refund, and providers tell running
//! totals. It ends with the process, and is bounded.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many of each kind are remembered; of more, the oldest are forgotten.
const MOST: usize = 10_000;

/// The recent past, by transaction id.
#[derive(Debug, Default)]
pub(crate) struct RecentPayments {
    /// Partial refunds, by their sale and their own id, and whether they are done or under way.
    refunds: Mutex<Bounded<bool>>,
    /// How much of a payment was refunded in all, in cents.
    totals: Mutex<Bounded<u64>>,
    /// How sales went: their refunds, and a later delivery of the same, depend on it.
    sales: Mutex<Bounded<SaleSoFar>>,
}

/// How a sale went when it was last reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SaleSoFar {
    /// No partner brought the customer: its refund is not waited for.
    Unattributed,
    /// To be delivered again: its refund has to wait, however old it is.
    Waiting {
        /// It may have arrived: if it is known next time, its commission may be missing.
        lost: bool,
    },
}

/// What is known of a refund.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing: it counts as reported from now on, unless the claim is released.
    No(Claim),
    UnderWay,
    Reported,
}

/// A refund that is under way. (Of more than 10,000 at a time the oldest would be forgotten.) Dropped, it counts as reported: of one that may have arrived nobody knows.
#[derive(Debug)]
pub(super) struct Claim {
    recent: Arc<RecentPayments>,
    key: String,
    released: bool,
}

impl RecentPayments {
    pub(super) fn claim(self: &Arc<Self>, transaction_id: &str, refund_id: &str) -> Known {
        let key = format!("{transaction_id}\0{refund_id}");
        let mut refunds = lock(&self.refunds);
        match refunds.values.get(&key) {
            Some(true) => return Known::Reported,
            Some(false) => return Known::UnderWay,
            None => refunds.set(&key, false),
        }
        Known::No(Claim { recent: Arc::clone(self), key, released: false })
    }

    /// How much was refunded in all when it was last reported.
    pub(super) fn total(&self, transaction_id: &str) -> u64 {
        lock(&self.totals).values.get(transaction_id).copied().unwrap_or_default()
    }

    pub(super) fn set_total(&self, transaction_id: &str, cents: u64) {
        lock(&self.totals).set(transaction_id, cents);
    }

    pub(super) fn sale(&self, transaction_id: &str) -> Option<SaleSoFar> {
        lock(&self.sales).values.get(transaction_id).copied()
    }

    pub(super) fn set_sale(&self, transaction_id: &str, so_far: Option<SaleSoFar>) {
        let mut sales = lock(&self.sales);
        match so_far {
            Some(so_far) => sales.set(transaction_id, so_far),
            None => sales.remove(transaction_id),
        }
    }
}

impl Claim {
    /// It was not reported, for certain: it may be tried again.
    pub(super) fn release(mut self) {
        self.released = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut refunds = lock(&self.recent.refunds);
        if self.released {
            refunds.remove(&self.key);
        } else {
            refunds.set(&self.key, true);
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
        if self.order.len() >= MOST {
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
        let recent = Arc::new(RecentPayments::default());
        let Known::No(first) = recent.claim("pi_1", "re_1") else { panic!() };
        assert!(matches!(recent.claim("pi_1", "re_1"), Known::UnderWay));
        first.release();
        let Known::No(again) = recent.claim("pi_1", "re_1") else { panic!("what was released may be tried again") };
        drop(again);
        assert!(matches!(recent.claim("pi_1", "re_1"), Known::Reported));
        assert!(matches!(recent.claim("pi_1", "re_2"), Known::No(_)), "another refund of the sale");
    }

    #[test]
    fn it_is_bounded() {
        let mut bounded = Bounded::default();
        for number in 0..MOST + 5 {
            bounded.set(&number.to_string(), number);
            bounded.set(&number.to_string(), number);
        }
        assert_eq!((bounded.values.len(), bounded.order.len()), (MOST, MOST));
        bounded.remove("100");
        assert_eq!((bounded.values.len(), bounded.order.len()), (MOST - 1, MOST - 1));
    }
}
