//! How a job ends, or does not yet.

use std::time::Duration;

use affitor::Delivered;
use riverqueue::{BoxError, WorkContext, WorkOutcome};

use crate::{
    Reason,
    dead::{DEAD, Output},
    measure,
};

/// What becomes of a job.
pub(crate) enum Ending {
    Done(Delivered),
    Dead(Reason, Option<String>),
    /// Again after so long, and why.
    Later(Duration, &'static str),
}

impl Ending {
    /// Tells River, the log and the metrics.
    pub(crate) fn tell(self, context: &WorkContext, id: i64, event: &'static str) -> Result<WorkOutcome, BoxError> {
        let (output, outcome) = match self {
            Self::Later(wait, why) => {
                tracing::debug!(why, ?wait, "an event is tried again later");
                measure::later(event, why);
                return Ok(WorkOutcome::Snooze(wait));
            }
            Self::Done(delivered) => {
                let (outcome, uncertain) = match delivered {
                    Delivered::AlreadyRecorded { uncertain } => ("already_recorded", uncertain),
                    Delivered::NotAttributed { .. } => ("not_attributed", false),
                    _ => ("recorded", false),
                };
                if uncertain {
                    tracing::warn!(
                        id,
                        event,
                        "an event was known before, perhaps without its effect on the commission: check the dashboard"
                    );
                }
                let output = Output { outcome: outcome.to_owned(), uncertain, ..Output::default() };
                (output, WorkOutcome::Complete)
            }
            Self::Dead(reason, words) => {
                tracing::error!(id, event, ?reason, words, "an event is a dead letter");
                let uncertain = reason == Reason::Uncertain;
                let output = Output { outcome: "dead".to_owned(), uncertain, reason: Some(reason), words };
                // An answer to an earlier attempt that comes late replaces the output; not this.
                context.metadata_set(DEAD, &output)?;
                (output, WorkOutcome::Discard)
            }
        };
        measure::ended(event, &output);
        context.record_output(output)?;
        Ok(outcome)
    }
}
