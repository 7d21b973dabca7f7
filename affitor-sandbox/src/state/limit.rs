//! Keeps the records within the memory limit: drops the oldest bodies, then the oldest clicks.

use std::collections::HashSet;

use super::State;
use crate::{
    body::Body,
    memory::{MemoryUse, PROVISIONAL_LIMIT, TEST_EVENT_LIMIT},
};

pub(super) const MINUTE_MS: i64 = 60 * 1000;

/// Room that must be left for the next event, in bytes. An event without its body is smaller.
const RESERVE: usize = 16 * 1024;

/// Maximum number of chains that are kept. The limit of ten per hour and program needs the newest only.
const CHAIN_LIMIT: usize = 10_000;

/// How far the bodies of the records have been dropped.
#[derive(Debug, Default)]
pub(super) struct Stripped {
    /// Number of the last click without a body.
    click: u64,
    /// Number of the last click that was considered for dropping.
    dropped_click: u64,
    /// Numbers of leads, sales and refunds without a body.
    leads: usize,
    sales: usize,
    refunds: usize,
}

impl State {
    pub(crate) fn memory(&self) -> MemoryUse {
        MemoryUse { used_bytes: self.used.total(), ..self.memory }
    }

    /// Returns true if the records that must never be dropped have reached the limit.
    pub(crate) fn is_full(&self) -> bool {
        self.used.never_dropped().saturating_add(RESERVE) > self.memory.limit_bytes
            || self.used.total() > self.memory.limit_bytes
    }

    /// Drops what is necessary to stay within the limits.
    pub(crate) fn drop_excess(&mut self) {
        while self.used.total() > self.memory.limit_bytes
            && (self.drop_body() || self.drop_provisional() || self.drop_click())
        {}
        while self.provisional.len() > PROVISIONAL_LIMIT {
            self.drop_provisional();
        }
        while self.test_events.len() > TEST_EVENT_LIMIT {
            self.test_events.pop_front();
            self.memory.dropped_test_events += 1;
        }
        while self.chains.len() > CHAIN_LIMIT {
            self.chains.pop_front();
        }
    }

    /// Drops the body of the oldest click that has one; else of the oldest lead, sale or refund. Returns false if there is
    /// none.
    fn drop_body(&mut self) -> bool {
        let record: &mut dyn Body =
            if let Some((number, click)) = self.clicks.range_mut(self.stripped.click + 1..).next() {
                self.stripped.click = *number;
                click.as_mut()
            } else if let Some(lead) = self.leads.get_mut(self.stripped.leads) {
                self.stripped.leads += 1;
                lead
            } else if let Some(sale) = self.sales.get_mut(self.stripped.sales) {
                self.stripped.sales += 1;
                sale
            } else if let Some(refund) = self.refunds.get_mut(self.stripped.refunds) {
                self.stripped.refunds += 1;
                refund
            } else {
                return false;
            };
        let size = record.body_size();
        record.strip();
        self.used.bodies -= size;
        self.memory.dropped_bodies += u64::from(size > 0);
        true
    }

    /// Drops the oldest provisional lead. Returns false if there is none.
    fn drop_provisional(&mut self) -> bool {
        let Some(lead) = self.provisional.pop_front() else { return false };
        self.used.bodies -= lead.essential_size() + lead.body_size();
        self.memory.dropped_provisional_leads += 1;
        self.remove_if_unknown(lead.customer_id);
        true
    }

    /// Drops the oldest click that no signed-up customer needs. Returns false if there is none.
    fn drop_click(&mut self) -> bool {
        let mut rest = self.clicks.range(self.stripped.dropped_click + 1..);
        let found =
            rest.find(|(number, click)| !self.is_needed(**number, click.customer_id)).map(|(number, _)| *number);
        match found {
            Some(number) => {
                self.stripped.dropped_click = number;
                self.remove_click(number);
                true
            }
            None => {
                // Not to be searched again. Those that are no longer needed later are dropped then.
                if let Some((last, _)) = self.clicks.last_key_value() {
                    self.stripped.dropped_click = *last;
                }
                false
            }
        }
    }

    /// Drops a click that a signed-up customer needed until now, if it is older than those that have been dropped.
    pub(super) fn drop_if_passed(&mut self, number: u64) {
        if number <= self.stripped.dropped_click && self.later.is_empty() {
            self.remove_click(number);
        }
    }

    /// Begins a replay of changes, some of which refer to these customers. The memory limit may have been higher when they
    /// were made.
    pub(crate) fn begin_replay(&mut self, later: HashSet<u64>, has_gaps: bool) {
        self.later = later;
        self.has_gaps = has_gaps;
    }

    /// Ends a replay: drops what was only kept for later changes.
    pub(crate) fn end_replay(&mut self) {
        self.has_gaps = false;
        self.stripped.dropped_click = 0;
        for customer in std::mem::take(&mut self.later) {
            self.remove_if_unknown(customer);
        }
        self.drop_excess();
    }

    /// Returns true if a click would be credited with the next sale of a customer who has signed up.
    fn is_needed(&self, number: u64, customer_id: u64) -> bool {
        if self.later.contains(&customer_id) {
            return true;
        }
        self.customer(customer_id)
            .is_some_and(|customer| !customer.only_clicked() && customer.clicks.last() == Some(&number))
    }

    /// Removes a click, and its visitor if nothing else is known of them.
    fn remove_click(&mut self, number: u64) {
        let Some(click) = self.clicks.remove(&number) else { return };
        self.used.clicks -= click.essential_size();
        self.used.bodies -= click.body_size();
        self.click_by_id.remove(&click.click_id);
        self.memory.dropped_clicks += 1;
        *self.dropped_clicks.entry((click.program_id, click.at_ms.div_euclid(MINUTE_MS))).or_default() += 1;
        if let Some(customer) = self.customers.get_mut(&click.customer_id) {
            customer.clicks.retain(|known| *known != number);
        }
        self.remove_if_unknown(click.customer_id);
    }

    /// Removes a customer of whom nothing is left: no click, no lead, no sale and no key.
    pub(super) fn remove_if_unknown(&mut self, number: u64) {
        let Some(customer) = self.customers.get(&number) else { return };
        let is_unknown = customer.only_clicked() && customer.clicks.is_empty() && !self.later.contains(&number);
        if is_unknown && !self.provisional.iter().any(|waiting| waiting.customer_id == number) {
            self.used.clicks -= customer.size();
            self.customers.remove(&number);
        }
    }
}
