//! Dead letters: events that are not tried again, kept until somebody decides.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use affitor::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::database::Row;

/// In a job's metadata: why it is dead.
pub(crate) const DEAD: &str = "affitor_dead";

/// An event that is not tried again.
#[derive(Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its id in the outbox.
    pub id: i64,
    /// When it was enqueued.
    pub enqueued_at: SystemTime,
    /// The event; absent where it can't be read.
    pub event: Option<Event>,
    /// The event as it is in the row, with e-mail addresses: to see what can't be read.
    pub json: String,
    /// Why it is dead.
    pub reason: Reason,
    /// The service's words, without key and e-mail addresses.
    pub words: Option<String>,
}

/// Without the row's text.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, enqueued_at, event, json: _, reason, words } = self;
        f.debug_struct("DeadLetter")
            .field("id", id)
            .field("enqueued_at", enqueued_at)
            .field("event", event)
            .field("reason", reason)
            .field("words", words)
            .finish_non_exhaustive()
    }
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

/// A delivered event that somebody should compare with Affitor's dashboard.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UncertainEvent {
    /// Its id in the outbox.
    pub id: i64,
    /// When it was enqueued.
    pub enqueued_at: SystemTime,
    /// The event; absent where it can't be read. Its e-mail address is forgotten.
    pub event: Option<Event>,
}

pub(crate) fn read(row: Row) -> DeadLetter {
    let output: Output = serde_json::from_str(&row.output).unwrap_or_default();
    DeadLetter {
        id: row.id,
        enqueued_at: time(row.created_at),
        event: event(&row.event),
        json: row.event,
        reason: output.reason.unwrap_or(Reason::Other),
        words: output.words,
    }
}

pub(crate) fn read_uncertain(row: &Row) -> UncertainEvent {
    UncertainEvent { id: row.id, enqueued_at: time(row.created_at), event: event(&row.event) }
}

fn event(json: &str) -> Option<Event> {
    serde_json::from_str::<Value>(json).ok().and_then(|event| serde_json::from_value(event).ok())
}

fn time(seconds: f64) -> SystemTime {
    let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}
