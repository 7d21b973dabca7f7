//! Totals of the events in an outbox.

use crate::database::Count;

/// Totals of an [`Outbox`](crate::Outbox), including events whose rows are deleted.
///
/// Each event counts as exactly one of `recorded`, `already_recorded`, `not_attributed`, `dead`, `discarded` and `pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxStats {
    /// Events recorded by the service: with or without a commission, provisionally, or as a test.
    pub recorded: u64,
    /// Events recorded, or reversed, by an earlier call.
    pub already_recorded: u64,
    /// Events for which no partner is credited. The normal case.
    pub not_attributed: u64,
    /// Dead letters: events whose delivery failed permanently.
    pub dead: u64,
    /// Dead letters that were discarded.
    pub discarded: u64,
    /// Events that are not delivered yet.
    pub pending: u64,
    /// Events to compare with the dashboard. Part of `already_recorded`: sales recorded by a lost attempt, and refunds of
    /// sales that already had a partial refund. Part of `dead`: partial refunds that may have arrived.
    pub uncertain: u64,
}

impl OutboxStats {
    /// Returns the number of all events.
    pub fn total(&self) -> u64 {
        let Self { recorded, already_recorded, not_attributed, dead, discarded, pending, .. } = self;
        recorded + already_recorded + not_attributed + dead + discarded + pending
    }

    pub(crate) fn of(counts: &[Count]) -> Self {
        let mut stats = Self::default();
        for Count { outcome, uncertain, count } in counts {
            // A total is negative only if rows were edited manually.
            let count = u64::try_from(*count).unwrap_or_default();
            let total = match outcome.as_str() {
                "recorded" => &mut stats.recorded,
                "not_attributed" => &mut stats.not_attributed,
                "discarded" => &mut stats.discarded,
                "pending" => &mut stats.pending,
                "dead" => &mut stats.dead,
                _ => &mut stats.already_recorded,
            };
            *total += count;
            if *uncertain {
                stats.uncertain += count;
            }
        }
        stats
    }
}
