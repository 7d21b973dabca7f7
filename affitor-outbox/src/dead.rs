//! Dead letters: events that are not tried again, kept until somebody decides.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use affitor::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::database::Row;

/// An event that is not tried again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its id in the outbox.
    pub id: i64,
    /// When it was enqueued.
    pub enqueued_at: SystemTime,
    /// The event; absent where it can't be read.
    pub event: Option<Event>,
    /// Why it is dead.
    pub reason: Reason,
    /// The service's words, without key and e-mail addresses.
    pub words: Option<String>,
}

/// Why an event is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The service said no.
    Rejected,
    /// A partial refund that may have arrived: a repeat could take the same money twice.
    Uncertain,
    /// It was tried for 14 days.
    TooOld,
    /// The row is no event: edited by hand, or of a later version.
    Unreadable,
    /// Another reason: River gave it up, or a worker of a later version.
    #[serde(other)]
    Other,
}

/// What a worker writes into a job's output.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Output {
    #[serde(default)]
    pub(crate) outcome: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) uncertain: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<String>,
}

pub(crate) fn read(row: &Row) -> DeadLetter {
    let event = serde_json::from_str::<Value>(&row.event).ok().and_then(|event| serde_json::from_value(event).ok());
    let output: Output = serde_json::from_str(&row.output).unwrap_or_default();
    DeadLetter {
        id: row.id,
        enqueued_at: UNIX_EPOCH + Duration::try_from_secs_f64(row.created_at).unwrap_or_default(),
        event,
        reason: output.reason.unwrap_or(Reason::Other),
        words: output.words,
    }
}
