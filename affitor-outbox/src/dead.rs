//! Dead letters: events whose delivery failed permanently, and delivered events that are uncertain.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use affitor::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::database::Row;

/// Key in a job's metadata: its [`Output`] as a dead letter.
pub(crate) const DEAD: &str = "affitor_dead";

/// An event whose delivery failed permanently.
#[derive(Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Id in the outbox.
    pub id: i64,
    /// Time when it was enqueued.
    pub enqueued_at: SystemTime,
    /// The event, or `None` if it can't be read.
    pub event: Option<Event>,
    /// The event as stored in the row, including e-mail addresses. Present even if `event` is `None`.
    pub json: String,
    /// Why delivery failed.
    pub reason: DeadReason,
    /// Message of the service, without the API key and e-mail addresses.
    pub message: Option<String>,
}

/// Leaves out `json`, which may contain e-mail addresses.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, enqueued_at, event, json: _, reason, message } = self;
        f.debug_struct("DeadLetter")
            .field("id", id)
            .field("enqueued_at", enqueued_at)
            .field("event", event)
            .field("reason", reason)
            .field("message", message)
            .finish_non_exhaustive()
    }
}

/// The reason why delivery failed permanently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadReason {
    /// The service rejected the event.
    Rejected,
    /// A partial refund that may have arrived: a repeat could be deducted twice.
    Uncertain,
    /// Delivery failed for 14 days.
    TooOld,
    /// The row is not an event: it was edited, or written by a later version.
    Unreadable,
    /// Another reason: River or a worker of a later version discarded the job.
    #[serde(other)]
    Other,
}

/// What a worker stores in a job's output.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Output {
    #[serde(default)]
    pub(crate) outcome: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) uncertain: bool,
    /// Whether the transaction id was taken, although the event was never sent before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) elsewhere: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<DeadReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// A delivered event that may have had no effect. Compare it with Affitor's dashboard.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UncertainEvent {
    /// Id in the outbox.
    pub id: i64,
    /// Time when it was enqueued.
    pub enqueued_at: SystemTime,
    /// The event without its personal data, or `None` if it can't be read.
    pub event: Option<Event>,
    elsewhere: bool,
}

impl UncertainEvent {
    /// Returns why it is uncertain, and what to compare.
    pub fn reason(&self) -> &'static str {
        match &self.event {
            Some(Event::Sale(_)) if self.elsewhere => {
                "Affitor knew this transaction id before this outbox sent it: check that the sale is yours, and not one of another \
                 shop or environment with the same id"
            }
            Some(Event::Sale(_)) => {
                "Affitor knew this sale already, perhaps from an attempt that failed before its commission was made: \
                 check that the sale has a commission"
            }
            Some(Event::Refund(_)) => {
                "Affitor had reduced the commission of this sale before: check that this refund is deducted too"
            }
            _ => "Affitor knew it already, perhaps from an attempt that failed half-way",
        }
    }
}

pub(crate) fn read(row: Row) -> DeadLetter {
    let output: Output = serde_json::from_str(&row.output).unwrap_or_default();
    DeadLetter {
        id: row.id,
        enqueued_at: time(row.created_at),
        event: event(&row.event),
        json: row.event,
        reason: output.reason.unwrap_or(DeadReason::Other),
        message: output.message,
    }
}

pub(crate) fn read_uncertain(row: &Row) -> UncertainEvent {
    let output: Output = serde_json::from_str(&row.output).unwrap_or_default();
    UncertainEvent {
        id: row.id,
        enqueued_at: time(row.created_at),
        event: event(&row.event),
        elsewhere: output.elsewhere,
    }
}

pub(crate) fn event(json: &str) -> Option<Event> {
    serde_json::from_str::<Value>(json).ok().and_then(|event| serde_json::from_value(event).ok())
}

fn time(seconds: f64) -> SystemTime {
    let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}
