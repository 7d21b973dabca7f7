//! The payment ledger in memory, and the model that it is compared with.

pub mod judge;
pub mod memory;
