//! What an answer means for an event in the queue: pure decisions.

use std::time::Duration;

use crate::{Error, LeadOutcome, RefundOutcome, SaleOutcome};

/// What is to be done with an event.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is done.
    Done(Done),
    /// It is to be sent again, not before so long.
    Again { asked: Option<Duration>, error: Error, alarm: bool },
    /// It is never sent again.
    Over(Over, Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Recorded,
    AlreadyRecorded { uncertain: bool },
    NotAttributed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Rejected,
    Discarded,
}

pub(super) fn of_lead(outcome: &LeadOutcome) -> Done {
    match outcome {
        LeadOutcome::AlreadyRecorded => Done::AlreadyRecorded { uncertain: false },
        LeadOutcome::NotAttributed(_) => Done::NotAttributed,
        _ => Done::Recorded,
    }
}

/// `lost`: whether an earlier try may have arrived.
pub(super) fn of_sale(outcome: &SaleOutcome, lost: bool) -> Done {
    match outcome {
        SaleOutcome::AlreadyRecorded { uncertain } => Done::AlreadyRecorded { uncertain: *uncertain || lost },
        SaleOutcome::NotAttributed(_) => Done::NotAttributed,
        _ => Done::Recorded,
    }
}

pub(super) fn of_refund(outcome: &RefundOutcome) -> Done {
    match outcome {
        RefundOutcome::AlreadyReversed { .. } => Done::AlreadyRecorded { uncertain: false },
        RefundOutcome::NotAttributed(_) => Done::NotAttributed,
        _ => Done::Recorded,
    }
}

/// A wrong key or URL may be mended while the event waits; what the service itself refuses may not.
pub(super) fn of_error(error: Error, partial_refund: bool) -> Verdict {
    if partial_refund && error.may_have_arrived() {
        return Verdict::Over(Over::Discarded, error);
    }
    let said_no = error.is_rejected() && matches!(error.status(), Some(200 | 400 | 409 | 413 | 422));
    if error.is_invalid() || said_no {
        return Verdict::Over(Over::Rejected, error);
    }
    let alarm = !error.is_retryable();
    Verdict::Again { asked: error.retry_after(), error, alarm }
}

/// How long to wait before the next try: anything up to 0.5 s, 1 s, 2 s … a minute (full jitter; `chance` is between 0 and 1),
/// and never less than the service asks for, up to an hour.
pub(super) fn wait(tries: u32, asked: Option<Duration>, chance: f64) -> Duration {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(60);
    const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);
    let ceiling = FIRST.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(LONGEST);
    ceiling.mul_f64(chance.clamp(0.0, 1.0)).max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits() {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        for (tries, asked, chance, expected) in [
            (1, None, 1.0, ms(500)),
            (2, None, 1.0, s(1)),
            (3, None, 0.5, s(1)),
            (30, None, 1.0, s(60)),
            (1, None, 0.0, s(0)),
            (1, Some(s(30)), 1.0, s(30)),
            (30, Some(s(1)), 1.0, s(60)),
            (1, Some(Duration::MAX), 0.0, s(3_600)),
            (0, None, 1.0, ms(500)),
        ] {
            assert_eq!(wait(tries, asked, chance), expected, "{tries} {asked:?} {chance}");
        }
    }
}
