//! Which events wait for which: those of one customer, click or transaction are sent in their order, all others beside each
//! other. No clock, no network.

use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
};

use crate::Event;

/// An event's number, in the order of arrival.
pub(super) type Ticket = u64;

/// Whom and what an event concerns. (Two that get the same number by chance wait for each other for nothing.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys([Option<u64>; 3]);

impl Keys {
    fn iter(self) -> impl Iterator<Item = u64> {
        self.0.into_iter().flatten()
    }
}

/// For each customer, click and transaction, who is waiting.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    waiting: HashMap<u64, VecDeque<Ticket>>,
    hasher: RandomState,
}

impl Lanes {
    /// Whom and what an event concerns.
    pub(super) fn keys(&self, event: &Event) -> Keys {
        let key = |kind: u8, id: Option<&str>| id.map(|id| self.hasher.hash_one((kind, id)));
        let click = |id: &Option<crate::ClickId>| key(1, id.as_ref().map(crate::ClickId::as_str));
        Keys(match event {
            Event::Lead(lead) => [key(0, lead.customer_key.as_deref()), click(&lead.click_id), None],
            Event::Sale(sale) => {
                [key(0, sale.customer_key.as_deref()), click(&sale.click_id), key(2, Some(&sale.transaction_id))]
            }
            Event::Refund(refund) => [None, None, key(2, Some(&refund.transaction_id))],
        })
    }

    /// Lines up; says whether nobody stands in front.
    pub(super) fn enter(&mut self, ticket: Ticket, keys: Keys) -> bool {
        let mut first = true;
        for key in keys.iter() {
            let lane = self.waiting.entry(key).or_default();
            first &= lane.is_empty();
            lane.push_back(ticket);
        }
        first
    }

    /// Leaves; says who may have nobody in front any more.
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

    /// Whether nobody stands in front of it.
    pub(super) fn is_first(&self, ticket: Ticket, keys: Keys) -> bool {
        keys.iter().all(|key| self.waiting.get(&key).and_then(VecDeque::front) == Some(&ticket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClickId, Currency, Lead, Refund, Sale};

    fn lead(key: &str, click: Option<&str>) -> Event {
        Lead::new(key).click_id(click.map(|id| ClickId::new(id).unwrap())).into()
    }

    fn sale(id: &str, key: &str, click: Option<&str>) -> Event {
        Sale::new(id, 1, Currency::USD).customer_key(key).click_id(click.map(|id| ClickId::new(id).unwrap())).into()
    }

    #[test]
    fn who_waits_for_whom() {
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
        assert!(lanes.waiting.is_empty(), "nothing is kept of those that have left");
    }
}
