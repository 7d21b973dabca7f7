//! A clock that can be moved ahead and stopped, and conversions of its timestamps.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The machine's time or a fixed time, plus an offset. Both are in milliseconds; times count from 1970.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    /// The fixed time, if the clock is stopped.
    stopped_at_ms: Option<i64>,
    /// The offset.
    ahead_ms: i64,
}

impl Clock {
    /// Creates a clock that is stopped at this time.
    pub(crate) fn stopped_at(ms: i64) -> Self {
        Self { stopped_at_ms: Some(ms.clamp(0, MAX_FIXED_MS)), ahead_ms: 0 }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        let base = self
            .stopped_at_ms
            .unwrap_or_else(|| millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()));
        base.saturating_add(self.ahead_ms)
    }

    pub(crate) fn ahead_ms(&self) -> i64 {
        self.ahead_ms
    }

    /// Returns the offset that results from moving the clock ahead by `by`.
    pub(crate) fn ahead_after(&self, by: Duration) -> i64 {
        self.ahead_ms.saturating_add(millis(by)).min(MAX_AHEAD_MS)
    }

    pub(crate) fn set_ahead(&mut self, ahead_ms: i64) {
        self.ahead_ms = ahead_ms.clamp(0, MAX_AHEAD_MS);
    }
}

/// Maximum offset of the clock: a thousand years, well within the range of a timestamp.
pub(crate) const MAX_AHEAD_MS: i64 = 1_000 * 365 * DAY_MS;

/// Latest time at which the clock can be stopped, in the year 9000: the maximum offset still results in a valid date.
const MAX_FIXED_MS: i64 = 221_845_392_000_000;

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Formats a timestamp as ISO 8601, as the service does.
pub(crate) fn iso(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| format!("{time:.3}")).unwrap_or_default()
}

/// Parses an ISO 8601 time or date. Returns its first and its last millisecond, which differ for a date. Dates are in UTC.
pub(crate) fn parse(text: &str) -> Option<(i64, i64)> {
    match text.parse::<jiff::civil::Date>() {
        Ok(day) if text.len() == 10 => {
            let first = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
            Some((first, first + DAY_MS - 1))
        }
        _ => {
            let time = text.parse::<jiff::Timestamp>().ok()?.as_millisecond();
            Some((time, time))
        }
    }
}
