//! What becomes of a job.

use std::time::Duration;

use affitor::EventOutcome;
use riverqueue::{BoxError, WorkContext, WorkOutcome};

use crate::{
    DeadReason,
    dead::{DEAD, Output},
    measure,
};

/// What becomes of a job.
pub(crate) enum JobResult {
    Done(EventOutcome),
    /// With the message of the service.
    Dead(DeadReason, Option<String>),
    /// Attempt again after this delay, for this reason.
    Later(Duration, &'static str),
}

impl JobResult {
    /// Reports to River, the log and the metrics.
    pub(crate) fn report(self, context: &WorkContext, id: i64, event: &'static str) -> Result<WorkOutcome, BoxError> {
        let (output, outcome) = match self {
            Self::Later(wait, why) => {
                tracing::debug!(reason = why, ?wait, "an event is postponed");
                measure::later(event, why);
                return Ok(WorkOutcome::Snooze(wait));
            }
            Self::Done(outcome) => {
                let (label, uncertain) = match outcome {
                    EventOutcome::AlreadyRecorded { uncertain } => ("already_recorded", uncertain),
                    EventOutcome::NotAttributed { .. } => ("not_attributed", false),
                    _ => ("recorded", false),
                };
                if uncertain {
                    tracing::warn!(
                        id,
                        event,
                        "an event was already recorded, possibly without its effect on the commission: check the dashboard"
                    );
                }
                let output = Output { outcome: label.to_owned(), uncertain, ..Output::default() };
                (output, WorkOutcome::Complete)
            }
            Self::Dead(reason, message) => {
                tracing::error!(id, event, ?reason, message, "an event is a dead letter");
                let uncertain = reason == DeadReason::Uncertain;
                let output = Output { outcome: "dead".to_owned(), uncertain, reason: Some(reason), message };
                // A late response to an earlier attempt may replace the output, but not this.
                context.metadata_set(DEAD, &output)?;
                (output, WorkOutcome::Discard)
            }
        };
        measure::ended(event, &output);
        context.record_output(output)?;
        Ok(outcome)
    }
}
