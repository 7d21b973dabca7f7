//! Times in requests and objects.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde_json::Value;

/// How long ago a refund may have been made that has changed since: a bank needs weeks to return or reject money.
pub(super) const REFUND_MARGIN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long ago a dispute may have been opened that was decided since.
pub(super) const DISPUTE_MARGIN: Duration = Duration::from_secs(180 * 24 * 60 * 60);

pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Formats a time as RFC 3339 in UTC, to the second.
pub(super) fn rfc3339(time: SystemTime) -> String {
    let seconds = i64::try_from(unix_seconds(time)).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// Whether one of these fields is a time since then. An unreadable time counts as recent, so that nothing is left out.
pub(super) fn is_since(object: &Value, fields: &[&str], since: SystemTime) -> bool {
    let since = i64::try_from(unix_seconds(since)).unwrap_or(i64::MAX);
    let times: Vec<&str> = fields.iter().filter_map(|field| object.pointer(field)?.as_str()).collect();
    times.is_empty()
        || times.iter().any(|text| text.parse::<Timestamp>().map_or(true, |time| time.as_second() >= since))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_since_another() {
        let since = UNIX_EPOCH + Duration::from_secs(1_760_000_001);
        assert_eq!(rfc3339(since), "2025-10-09T08:53:21Z");
        let object = json!({ "old": "2025-10-09T08:53:20.999Z", "new": "2025-10-09T10:53:21+02:00", "odd": "x" });
        assert!(!is_since(&object, &["/old", "/none"], since));
        assert!(is_since(&object, &["/old", "/new"], since));
        assert!(is_since(&object, &["/odd"], since) && is_since(&object, &["/none"], since));
    }
}
