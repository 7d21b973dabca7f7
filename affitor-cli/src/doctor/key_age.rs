//! The age of the API key.

use affitor::Readiness;
use jiff::Timestamp;

use crate::check::Check;

const NAME: &str = "key-age";

/// Age in days from which a warning is given: a year. What has been around for longer is in more backups, logs and hands than
/// anybody remembers.
const OLD_DAYS: i64 = 365;

/// Checks when the service says that the key was created. A key that was never rotated has no date.
pub(super) fn check(readiness: &Readiness, now: Timestamp) -> Check {
    let Some(text) = &readiness.key_rotated_at else {
        return Check::passed(NAME, "the service names no date of the key");
    };
    let Ok(rotated_at) = text.parse::<Timestamp>() else {
        return Check::skipped(NAME, "the service's date of the key can't be read");
    };
    let days = (now.duration_since(rotated_at).as_hours() / 24).max(0);
    let message = format!("the key was created on {}, {days} days ago", rotated_at.strftime("%Y-%m-%d"));
    if days <= OLD_DAYS {
        return Check::passed(NAME, message);
    }
    Check::warning(
        NAME,
        message,
        "create a new key once a year; the old one stops working at once, which apps with AFFITOR_API_KEY_FILE survive \
         without a restart",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::CheckStatus::{self, Passed, Skipped, Warning};

    #[test]
    fn a_key_is_old_after_a_year() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let cases: [(Option<&str>, CheckStatus); 7] = [
            (None, Passed),
            (Some("2026-11-23T11:00:00.123Z"), Passed),
            (Some("2025-11-23T11:59:59+00:00"), Passed),
            (Some("2025-11-22T12:00:01Z"), Passed),
            (Some("2025-11-22T12:00:00Z"), Warning),
            (Some("2027-01-01T00:00:00Z"), Passed),
            (Some("last year"), Skipped),
        ];
        for (at, expected) in cases {
            let readiness = serde_json::from_value(json!({ "state": "ready", "key_rotated_at": at })).unwrap();
            let check = check(&readiness, now);
            assert_eq!(check.status, expected, "{at:?}: {}", check.message);
        }
    }
}
