//! What an answer means for an event in the outbox: pure decisions.

use std::time::Duration;

use affitor::{Error, LeadOutcome, RefundOutcome, SaleOutcome};

/// What became of an event. Its name is in the job's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Recorded,
    AlreadyRecorded {
        uncertain: bool,
    },
    /// No partner is concerned. `found`: whether the service knows the customer or sale.
    NotAttributed {
        found: bool,
    },
}

/// What is to be done with an event that has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undone {
    /// Again later, by its age.
    Again { asked: Option<Duration> },
    /// Again once a person has mended it: the key, the URL.
    Alarm,
    /// The service, or the client, says no.
    Rejected,
    /// A partial refund that may have arrived: for a person to decide.
    Uncertain,
}

pub(crate) fn of_lead(outcome: &LeadOutcome) -> Done {
    match outcome {
        LeadOutcome::AlreadyRecorded => Done::AlreadyRecorded { uncertain: false },
        LeadOutcome::NotAttributed(why) => Done::NotAttributed { found: is_found(why) },
        _ => Done::Recorded,
    }
}

/// `lost`: whether an earlier try may have arrived, in whatever process.
pub(crate) fn of_sale(outcome: &SaleOutcome, lost: bool) -> Done {
    match outcome {
        SaleOutcome::AlreadyRecorded { uncertain, .. } => Done::AlreadyRecorded { uncertain: *uncertain || lost },
        SaleOutcome::NotAttributed(why) => Done::NotAttributed { found: is_found(why) },
        _ => Done::Recorded,
    }
}

pub(crate) fn of_refund(outcome: &RefundOutcome) -> Done {
    match outcome {
        // A second partial refund may be another than the one that was done.
        RefundOutcome::AlreadyReversed { partial, .. } => Done::AlreadyRecorded { uncertain: *partial },
        RefundOutcome::NotAttributed(why) => Done::NotAttributed { found: is_found(why) },
        _ => Done::Recorded,
    }
}

fn is_found(why: &affitor::NotAttributed) -> bool {
    !matches!(why, affitor::NotAttributed::CustomerNotFound | affitor::NotAttributed::SaleNotFound)
}

pub(crate) fn of_error(error: &Error, partial_refund: bool) -> Undone {
    if partial_refund && error.may_have_arrived() {
        Undone::Uncertain
    } else if error.is_invalid() || (error.is_rejected() && matches!(error.status(), Some(200 | 400 | 409 | 413 | 422)))
    {
        Undone::Rejected
    } else if error.is_retryable() || error.may_have_arrived() {
        Undone::Again { asked: error.retry_after() }
    } else {
        Undone::Alarm
    }
}
