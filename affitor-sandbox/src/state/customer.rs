//! Customers.

use crate::{
    memory::{optional, record},
    record::CustomerStatus,
};

/// A customer, created by their first click or by an unattributed lead.
#[derive(Debug)]
pub(crate) struct Customer {
    pub id: u64,
    /// Index of the program.
    pub program: usize,
    pub key: Option<String>,
    pub status: CustomerStatus,
    /// Time of the first click, even if it has been dropped.
    pub first_click_ms: Option<i64>,
    /// Numbers of the clicks, oldest first. The last one is credited.
    pub clicks: Vec<u64>,
    /// Indices of the leads.
    pub leads: Vec<usize>,
    /// Indices of the sales.
    pub sales: Vec<usize>,
    /// Indices of the refunds.
    pub refunds: Vec<usize>,
    /// Number of their last event.
    pub last_event: u64,
}

impl Customer {
    pub(super) fn new(id: u64, program: usize) -> Self {
        Self {
            id,
            program,
            key: None,
            status: CustomerStatus::Click,
            first_click_ms: None,
            clicks: Vec::new(),
            leads: Vec::new(),
            sales: Vec::new(),
            refunds: Vec::new(),
            last_event: 0,
        }
    }

    /// Returns true if the customer only clicked, so that nothing refers to them but their clicks.
    pub(super) fn only_clicked(&self) -> bool {
        self.status == CustomerStatus::Click && self.key.is_none() && self.leads.is_empty() && self.sales.is_empty()
    }

    /// Size in memory, with room for the lists.
    pub(super) fn size(&self) -> usize {
        record::<Self>() + 4 * 48 + optional(self.key.as_ref())
    }
}
