//! What became of everything that was enqueued.

/// What became of everything that was enqueued.
///
/// The books balance: `enqueued` is the sum of `recorded`, `already_recorded`, `not_attributed`, `rejected`, `discarded` and
/// `pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Books {
    /// Committed.
    pub enqueued: u64,
    /// Recorded by the service: with and without a commission, provisionally, as tests.
    pub recorded: u64,
    /// Recorded or reversed before.
    pub already_recorded: u64,
    /// Of these, sales that were known after a try whose answer was lost, and partial refunds of sales that had one; and of the
    /// rejected, partial refunds that may have arrived. For a person to look at.
    pub uncertain: u64,
    /// No partner is concerned: the normal case.
    pub not_attributed: u64,
    /// Dead letters: refused by the service, unreadable, too old, or a partial refund that may have arrived.
    pub rejected: u64,
    /// Dead letters that somebody has discarded.
    pub discarded: u64,
    /// On their way.
    pub pending: u64,
}

impl Books {
    /// From counts by state, outcome and whether it is uncertain.
    pub(crate) fn of(counts: Vec<(String, String, i64, i64)>) -> Self {
        let mut books = Self::default();
        for (state, outcome, uncertain, count) in counts {
            let count = count.unsigned_abs();
            books.enqueued += count;
            match (state.as_str(), outcome.as_str()) {
                ("completed", "recorded") => books.recorded += count,
                ("completed", "not_attributed") => books.not_attributed += count,
                // A worker of another version may have words of its own.
                ("completed", _) => books.already_recorded += count,
                ("discarded", _) => books.rejected += count,
                ("cancelled", _) => books.discarded += count,
                _ => books.pending += count,
            }
            if uncertain != 0 && matches!(state.as_str(), "completed" | "discarded") {
                books.uncertain += count;
            }
        }
        books
    }

    /// Whether each event that was enqueued is accounted for.
    pub fn balance(&self) -> bool {
        let Self { recorded, already_recorded, not_attributed, rejected, discarded, pending, .. } = self;
        self.enqueued == recorded + already_recorded + not_attributed + rejected + discarded + pending
    }
}
