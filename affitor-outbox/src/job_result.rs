//! The result of working a job.

use std::time::Duration;

use affitor::EventOutcome;
use riverqueue::{BoxError, WorkContext, WorkOutcome};

use crate::{
    DeadReason,
    dead::{DEAD, Output},
    metrics,
};

/// The result of working a job.
pub(crate) enum JobResult {
    /// Delivered, with this outcome.
    Done(EventOutcome),
    /// Delivery failed permanently, with the message of the service.
    Dead(DeadReason, Option<String>),
    /// Retry after this delay, for this reason.
    Later(Duration, &'static str),
}

impl JobResult {
    /// Reports the result to the log and the metrics, and returns it as River's outcome.
    pub(crate) fn report(self, context: &WorkContext, id: i64, event: &'static str) -> Result<WorkOutcome, BoxError> {
        let (output, outcome) = match self {
            Self::Later(wait, reason) => {
                tracing::debug!(reason, ?wait, "an event is postponed");
                metrics::postponed(event, reason);
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
        metrics::finished(event, &output);
        context.record_output(output)?;
        Ok(outcome)
    }
}
