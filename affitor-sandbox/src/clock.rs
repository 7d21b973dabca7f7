//! A clock that can be moved, and can stand still.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The machine's time, or one at which it stands, and a distance ahead of it, in milliseconds since 1970.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    stands_at_ms: Option<i64>,
    ahead_ms: i64,
}

impl Clock {
    /// A clock that moves only when it is moved.
    pub(crate) fn standing_at(ms: i64) -> Self {
        Self { stands_at_ms: Some(ms.clamp(0, STANDS_MOST_MS)), ahead_ms: 0 }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        let base = self
            .stands_at_ms
            .unwrap_or_else(|| millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()));
        base.saturating_add(self.ahead_ms)
    }

    pub(crate) fn ahead_ms(&self) -> i64 {
        self.ahead_ms
    }

    /// How far ahead it is once it is moved on by this.
    pub(crate) fn ahead_after(&self, by: Duration) -> i64 {
        self.ahead_ms.saturating_add(millis(by)).min(AHEAD_MOST_MS)
    }

    pub(crate) fn set_ahead(&mut self, ahead_ms: i64) {
        self.ahead_ms = ahead_ms.clamp(0, AHEAD_MOST_MS);
    }
}

/// How far the clock can be moved ahead: a thousand years, well within what a timestamp can say.
pub(crate) const AHEAD_MOST_MS: i64 = 1_000 * 365 * DAY_MS;

/// The year 9000: with the most that it can be ahead there is still a date for it.
const STANDS_MOST_MS: i64 = 221_845_392_000_000;

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A time as ISO 8601, as the service writes it.
pub(crate) fn iso(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| format!("{time:.3}")).unwrap_or_default()
}

/// A time or a day in ISO 8601, in milliseconds: the first and the last one of it. Days are those of UTC.
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
