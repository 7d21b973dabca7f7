//! What is known about the attempts to deliver an event. Stored in the metadata of its row.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use riverqueue::JobMetadata;
use serde::{Deserialize, Serialize};

/// Key of a row's [`History`] in its metadata.
pub(crate) const HISTORY: &str = "affitor";

/// Version of the stored form.
const VERSION: u32 = 1;

/// The attempts to deliver an event. Times are in seconds of Unix time.
///
/// Every field has a default. A row that was inserted with SQL has none of them. If a history is damaged, an attempt may
/// have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    pub(crate) version: u32,
    /// Whether an earlier attempt may have arrived. For a partial refund it is stored before the event is sent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) may_have_arrived: bool,
    /// The attempt that stored this. Only of events that must not be repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<i32>,
    /// First failure in a row of failures for which the service or the network is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failing_since: Option<u64>,
    /// Last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed_at: Option<u64>,
    /// First "not found" response, moved forward by delays in which the event is not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unknown_since: Option<u64>,
    /// Last "not found" response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unknown_at: Option<u64>,
    /// Last replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replayed_at: Option<u64>,
    /// Message of the last error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            version: VERSION,
            may_have_arrived: false,
            attempt: None,
            failing_since: None,
            failed_at: None,
            unknown_since: None,
            unknown_at: None,
            replayed_at: None,
            error: None,
        }
    }
}

impl History {
    /// Reads the history of a row.
    pub(crate) fn of(metadata: &JobMetadata) -> Self {
        metadata.get_raw(HISTORY).map(|raw| Self::parse(raw.get())).unwrap_or_default()
    }

    pub(crate) fn parse(json: &str) -> Self {
        match json {
            "null" => Self::default(),
            _ => serde_json::from_str(json).unwrap_or_else(|_| Self { may_have_arrived: true, ..Self::default() }),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the history of a replayed event. A person decided that it may be repeated.
    pub(crate) fn replayed(self, is_refund: bool, attempts: i32, now: u64) -> Self {
        Self {
            // A refund is replayed because it did not arrive. Of other events it is still unknown; if attempts were used
            // up, a worker was killed or timed out.
            may_have_arrived: !is_refund && (self.may_have_arrived || attempts > 1),
            replayed_at: Some(now),
            error: self.error,
            ..Self::default()
        }
    }
}

/// Converts a time into seconds of Unix time.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The time between two times in seconds, zero if a clock was set back.
pub(crate) fn between(since: u64, now: u64) -> Duration {
    Duration::from_secs(now.saturating_sub(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_and_later_histories_are_read_as_far_as_possible() {
        for damaged in ["", "7", "[true]", r#"{"failing_since": -1}"#, r#"{"may_have_arrived": 1e400}"#] {
            assert!(History::parse(damaged).may_have_arrived, "{damaged}");
        }
        let later = History::parse(r#"{"version": 2, "may_have_arrived": true, "moon": 1}"#);
        assert!(later.may_have_arrived);
        assert_eq!(History::parse(&later.to_json()), later);
        assert_eq!(History::default().to_json(), r#"{"version":1}"#);
    }
}
