//! Which partial refunds a client has reported: the API can't tell a repeat from a second one of the same amount.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

/// How many are remembered; of more, the oldest are forgotten.
const MOST: usize = 10_000;

/// The refunds of the recent past, by their sale and their own id.
#[derive(Debug, Default)]
pub(crate) struct RecentRefunds(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Whether it is done, or under way.
    done: HashMap<Key, bool>,
    order: VecDeque<Key>,
}

type Key = (String, String);

/// What is known of a refund.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing: it is under way from now on, until the claim is settled or dropped.
    No(Claim),
    UnderWay,
    Reported,
}

/// A refund that is under way. Dropped, it is as if it had never been.
#[derive(Debug)]
pub(super) struct Claim {
    recent: Arc<RecentRefunds>,
    key: Key,
}

impl RecentRefunds {
    pub(super) fn claim(self: &Arc<Self>, transaction_id: &str, refund_id: &str) -> Known {
        let key = (transaction_id.to_owned(), refund_id.to_owned());
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.done.get(&key) {
            Some(true) => return Known::Reported,
            Some(false) => return Known::UnderWay,
            None => {}
        }
        if inner.order.len() >= MOST
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.done.remove(&oldest);
        }
        inner.done.insert(key.clone(), false);
        inner.order.push_back(key.clone());
        Known::No(Claim { recent: Arc::clone(self), key })
    }
}

impl Claim {
    /// It was reported, or may have been: it is not reported again.
    pub(super) fn settle(self) {
        let mut inner = self.recent.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(done) = inner.done.get_mut(&self.key) {
            *done = true;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut inner = self.recent.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.done.get(&self.key) == Some(&false) {
            inner.done.remove(&self.key);
            inner.order.retain(|key| *key != self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims() {
        let recent = Arc::new(RecentRefunds::default());
        let Known::No(first) = recent.claim("pi_1", "re_1") else { panic!() };
        assert!(matches!(recent.claim("pi_1", "re_1"), Known::UnderWay));
        drop(first);
        let Known::No(again) = recent.claim("pi_1", "re_1") else { panic!("what failed may be tried again") };
        again.settle();
        assert!(matches!(recent.claim("pi_1", "re_1"), Known::Reported));
        assert!(matches!(recent.claim("pi_1", "re_2"), Known::No(_)), "another refund of the sale");
    }

    #[test]
    fn it_is_bounded() {
        let recent = Arc::new(RecentRefunds::default());
        for number in 0..MOST + 5 {
            let Known::No(claim) = recent.claim("pi_1", &number.to_string()) else { panic!() };
            claim.settle();
        }
        let inner = recent.0.lock().unwrap();
        assert_eq!((inner.done.len(), inner.order.len()), (MOST, MOST));
    }
}
