//! The payments of one scope, in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::SaleState;
use crate::{
    ledger::{Facts, Reports, Source},
    provider::Announced,
};

/// Number of groups of payments, and of subscriptions and customers. When it is exceeded, the oldest ones are forgotten.
pub(super) const CAPACITY: usize = 10_000;

/// The payments of one scope.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) groups: HashMap<u64, Group>,
    /// The group of each id.
    pub(super) ids: HashMap<String, u64>,
    pub(super) sources: HashMap<String, Remembered>,
    /// Groups and sources, oldest first.
    pub(super) group_order: VecDeque<u64>,
    pub(super) source_order: VecDeque<String>,
    pub(super) next: u64,
}

/// Payments that belong together.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) facts: Facts,
    pub(super) reports: Reports,
    pub(super) sales: BTreeMap<String, SaleState>,
    /// Whether a payment, or anything, was announced.
    pub(super) has_payment: bool,
    pub(super) is_announced: bool,
    pub(super) is_busy: bool,
}

/// A subscription or customer.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    pub(super) source: Source,
    /// Groups with payments that name nobody and inherit from it.
    pub(super) waiting: BTreeSet<u64>,
}

impl Book {
    /// Adds facts to these groups, which become one. Returns its id.
    pub(super) fn remember(&mut self, groups: &BTreeSet<u64>, announced: Announced, facts: &Facts) -> u64 {
        let mut joined = Group::default();
        for id in groups {
            let Some(group) = self.groups.remove(id) else { continue };
            joined.facts.merge(group.facts);
            joined.reports.extend(group.reports);
            joined.sales.extend(group.sales);
            joined.has_payment |= group.has_payment;
            joined.is_announced |= group.is_announced;
        }
        joined.facts.merge(facts.clone());
        joined.has_payment |= announced == Announced::Payment;
        joined.is_announced |= matches!(announced, Announced::Payment | Announced::Refund);
        let target = groups.first().copied().unwrap_or_else(|| {
            self.next += 1;
            self.group_order.push_back(self.next);
            self.next
        });
        for id in joined.facts.ids() {
            match self.ids.get_mut(id) {
                Some(group) => *group = target,
                None => {
                    self.ids.insert(id.to_owned(), target);
                }
            }
        }
        if groups.len() > 1 {
            self.group_order.retain(|id| *id == target || !groups.contains(id));
        }
        self.groups.insert(target, joined);
        self.forget_oldest();
        target
    }

    pub(super) fn remember_source(&mut self, id: &str, source: &Source) {
        self.source(id).source.merge(source.clone());
    }

    /// Returns a subscription or customer, of which nothing may be known yet.
    pub(super) fn source(&mut self, id: &str) -> &mut Remembered {
        if !self.sources.contains_key(id) {
            self.source_order.push_back(id.to_owned());
            while self.source_order.len() > CAPACITY {
                let oldest = self.source_order.pop_front();
                oldest.map(|oldest| self.sources.remove(&oldest));
            }
        }
        self.sources.entry(id.to_owned()).or_default()
    }

    fn forget_oldest(&mut self) {
        while self.group_order.len() > CAPACITY {
            let is_busy = |id: &u64| self.groups.get(id).is_some_and(|group| group.is_busy);
            let Some(place) = self.group_order.iter().position(|id| !is_busy(id)) else { return };
            let Some(forgotten) = self.group_order.remove(place) else { return };
            let Some(group) = self.groups.remove(&forgotten) else { continue };
            for id in group.facts.ids() {
                self.ids.remove(id);
            }
            for source in group.facts.sources() {
                if let Some(known) = self.sources.get_mut(source) {
                    known.waiting.remove(&forgotten);
                }
            }
        }
    }
}
