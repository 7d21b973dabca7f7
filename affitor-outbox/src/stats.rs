//! Totals of the events in an outbox.

/// Totals of an [`Outbox`](crate::Outbox), including events whose rows are deleted.
///
/// `enqueued` is the sum of `recorded`, `already_recorded`, `not_attributed`, `rejected`, `discarded` and `pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxStats {
    /// Events that were committed.
    pub enqueued: u64,
    /// Events recorded by the service: with or without a commission, provisionally, or as a test.
    pub recorded: u64,
    /// Events recorded, or reversed, by an earlier call.
    pub already_recorded: u64,
    /// Events to compare with the dashboard. Part of `already_recorded`: sales recorded by a lost attempt, and refunds of
    /// sales that already had a partial refund. Part of `rejected`: partial refunds that may have arrived.
    pub uncertain: u64,
    /// Events for which no partner is credited. The normal case.
    pub not_attributed: u64,
    /// Dead letters: rejected by the service, unreadable, too old, or a partial refund that may have arrived.
    pub rejected: u64,
    /// Dead letters that were discarded.
    pub discarded: u64,
    /// Events that are not delivered yet.
    pub pending: u64,
}

impl OutboxStats {
    /// Creates the totals from counts by state, outcome, and whether they are uncertain.
    pub(crate) fn of(counts: Vec<(String, String, i64, i64)>) -> Self {
        let mut stats = Self::default();
        for (state, outcome, uncertain, count) in counts {
            let count = count.unsigned_abs();
            stats.enqueued += count;
            match (state.as_str(), outcome.as_str()) {
                ("completed", "recorded") => stats.recorded += count,
                ("completed", "not_attributed") => stats.not_attributed += count,
                // A worker of another version may write other outcomes.
                ("completed", _) => stats.already_recorded += count,
                ("discarded", _) => stats.rejected += count,
                ("cancelled", _) => stats.discarded += count,
                _ => stats.pending += count,
            }
            if uncertain != 0 && matches!(state.as_str(), "completed" | "discarded") {
                stats.uncertain += count;
            }
        }
        stats
    }

    /// Returns whether every event that was enqueued is accounted for.
    pub fn is_balanced(&self) -> bool {
        let Self { recorded, already_recorded, not_attributed, rejected, discarded, pending, .. } = self;
        self.enqueued == recorded + already_recorded + not_attributed + rejected + discarded + pending
    }
}
