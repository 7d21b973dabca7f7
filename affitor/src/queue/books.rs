//! What became of everything that was enqueued.

/// What became of everything that was enqueued: the books of a [`Queue`](super::Queue).
///
/// They balance: `enqueued` is the sum of `recorded`, `already_recorded`, `not_attributed`, `rejected`, `discarded` and
/// `pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Books {
    /// Taken into the queue.
    pub enqueued: u64,
    /// Recorded by the service: with and without a commission, provisionally, as tests.
    pub recorded: u64,
    /// Recorded or reversed before.
    pub already_recorded: u64,
    /// Of these, sales that were known after an earlier try had been lost or answered with 5xx, and second partial refunds; and of the
    /// discarded, partial refunds that may have arrived. For a person to compare with the dashboard.
    pub uncertain: u64,
    /// No partner is concerned: the normal case.
    pub not_attributed: u64,
    /// The service said no.
    pub rejected: u64,
    /// Given up: too old, or a partial refund that may have arrived and must not be repeated.
    pub discarded: u64,
    /// Neither: still waiting, or left behind by a shutdown.
    pub pending: u64,
    /// Not taken, because the queue was full or closed. Not among those enqueued.
    pub refused: u64,
}

impl Books {
    /// Whether each event that was enqueued is accounted for.
    pub fn balance(&self) -> bool {
        let Self { recorded, already_recorded, not_attributed, rejected, discarded, pending, .. } = self;
        self.enqueued == recorded + already_recorded + not_attributed + rejected + discarded + pending
    }
}
