//! Which events wait for which: events of one customer, click or transaction are sent in order, unrelated ones concurrently.
//! No clock, no network.

use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
};

use affitor_core::ClickId;

use crate::event::{Event, EventIds};

/// Number of an event, in the order of arrival.
pub(super) type Ticket = u64;

/// Hashes of the ids that an event must stay in order with. (A hash collision makes an event wait needlessly.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys([Option<u64>; 3]);

impl Keys {
    fn iter(self) -> impl Iterator<Item = u64> {
        self.0.into_iter().flatten()
    }
}

/// The waiting events of each customer, click and transaction.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    waiting: HashMap<u64, VecDeque<Ticket>>,
    hasher: RandomState,
}

impl Lanes {
    /// Returns the keys of an event.
    pub(super) fn keys(&self, event: &Event) -> Keys {
        let key = |kind: u8, id: Option<&str>| id.map(|id| self.hasher.hash_one((kind, id)));
        let EventIds { customer_key, click_id, transaction_id, .. } = event.ids();
        Keys([key(0, customer_key), key(1, click_id.map(ClickId::as_str)), key(2, transaction_id)])
    }

    /// Adds an event to its lanes. Returns whether it is first in all of them.
    pub(super) fn enter(&mut self, ticket: Ticket, keys: Keys) -> bool {
        let mut first = true;
        for key in keys.iter() {
            let lane = self.waiting.entry(key).or_default();
            first &= lane.is_empty();
            lane.push_back(ticket);
        }
        first
    }

    /// Removes an event from its lanes. Returns the events that may be first now.
    pub(super) fn leave(&mut self, ticket: Ticket, keys: Keys) -> Vec<Ticket> {
        let mut next = Vec::new();
        for key in keys.iter() {
            let Some(lane) = self.waiting.get_mut(&key) else { continue };
            if lane.front() == Some(&ticket) {
                lane.pop_front();
            }
            match lane.front() {
                Some(front) => next.push(*front),
                None => {
                    self.waiting.remove(&key);
                }
            }
        }
        next.sort_unstable();
        next.dedup();
        next
    }

    /// Returns whether an event is first in all its lanes.
    pub(super) fn is_first(&self, ticket: Ticket, keys: Keys) -> bool {
        keys.iter().all(|key| self.waiting.get(&key).and_then(VecDeque::front) == Some(&ticket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        currency::Currency,
        event::{Lead, Refund, Sale},
    };

    fn lead(key: &str, click: Option<&str>) -> Event {
        Lead::new(key).click_id(click.map(|id| ClickId::new(id).unwrap())).into()
    }

    fn sale(id: &str, key: &str, click: Option<&str>) -> Event {
        Sale::new(id, 1, Currency::USD).customer_key(key).click_id(click.map(|id| ClickId::new(id).unwrap())).into()
    }

    #[test]
    fn related_events_stay_in_order() {
        let mut lanes = Lanes::default();
        let events = [
            (lead("a", None), true),
            (sale("t1", "a", None), false),           // for its customer's lead
            (Event::from(Refund::full("t1")), false), // for its sale
            (lead("b", Some("cust_1_1")), true),
            (sale("t2", "", Some("cust_1_1")), false), // for the lead of the same click
            (Event::from(Refund::full("t9")), true),
            (sale("t1", "c", None), false), // for the same transaction
        ];
        let keys: Vec<Keys> = events.iter().map(|(event, _)| lanes.keys(event)).collect();
        for (ticket, (event, first)) in (0..).zip(&events) {
            assert_eq!(lanes.enter(ticket, keys[ticket as usize]), *first, "{event:?}");
        }
        assert_eq!(lanes.leave(0, keys[0]), [1]);
        assert!(lanes.is_first(1, keys[1]) && !lanes.is_first(2, keys[2]));
        assert_eq!(lanes.leave(1, keys[1]), [2]);
        assert_eq!(lanes.leave(2, keys[2]), [6]);
        assert!(lanes.is_first(6, keys[6]));
        assert_eq!(lanes.leave(3, keys[3]), [4]);
        for ticket in [4, 5, 6] {
            lanes.leave(ticket, keys[ticket as usize]);
        }
        assert!(lanes.waiting.is_empty(), "removed events leave nothing behind");
    }
}
