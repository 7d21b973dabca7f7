//! One scenario over every database library: an event is stored by another library than SQLx, and the outbox delivers it.

pub mod database;
pub mod libraries;
#[cfg(feature = "all")]
pub mod mysql;
pub mod plain;
pub mod printed;
mod program;
pub mod scenario;
pub mod shop;

use affitor::Event;

/// How a transaction ends.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Commit,
    Rollback,
}

/// A database library, with one connection.
pub trait Library {
    const TITLE: &str;

    /// Stores an order, and then events, in one transaction. Returns how many rows each event inserted.
    fn store(&mut self, order: &str, events: &[Event], end: End) -> impl Future<Output = Vec<u64>>;
}
