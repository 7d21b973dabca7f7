//! Totals of a queue.

/// Totals of a client's [queue](super).
///
/// `enqueued` is the sum of `recorded`, `already_recorded`, `not_attributed`, `rejected`, `discarded` and `pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Events accepted by the queue.
    pub enqueued: u64,
    /// Events recorded by the service: with or without a commission, provisionally, or as a test.
    pub recorded: u64,
    /// Events recorded, or reversed, by an earlier call.
    pub already_recorded: u64,
    /// Events to compare with the dashboard. Part of `already_recorded`: sales recorded by an attempt that was lost or
    /// failed with a 5xx status, and second partial refunds. Part of `discarded`: partial refunds that may have arrived.
    pub uncertain: u64,
    /// Events for which no partner is credited. The normal case.
    pub not_attributed: u64,
    /// Events rejected by the service.
    pub rejected: u64,
    /// Events given up: too old, or a partial refund that may have arrived and must not be repeated.
    pub discarded: u64,
    /// Events that are waiting, or that were left at shutdown.
    pub pending: u64,
    /// Events not accepted because the queue was full or closed. They are not part of `enqueued`.
    pub refused: u64,
}

impl QueueStats {
    /// Returns whether every event that was enqueued is accounted for.
    pub fn is_balanced(&self) -> bool {
        let Self { recorded, already_recorded, not_attributed, rejected, discarded, pending, .. } = self;
        self.enqueued == recorded + already_recorded + not_attributed + rejected + discarded + pending
    }
}
