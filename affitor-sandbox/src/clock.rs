//! A clock that can be moved.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The machine's time and a distance from it, in milliseconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_ms: AtomicI64,
}

impl Clock {
    pub(crate) fn now_ms(&self) -> i64 {
        let machine = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        millis(machine).saturating_add(self.ahead_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let further = |ahead: i64| Some(ahead.saturating_add(millis(by)).min(AHEAD_MOST_MS));
        // It always gives a value, so this can't fail.
        let _ = self.ahead_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, further);
    }
}

/// How far the clock can be moved ahead: a thousand years, well within what a timestamp can say.
const AHEAD_MOST_MS: i64 = 1_000 * 365 * DAY_MS;

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A time as ISO 8601, as the service writes it.
pub(crate) fn iso(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| format!("{time:.3}")).unwrap_or_default()
}

/// A time or a day in ISO 8601, in milliseconds. A day alone is its beginning in UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let time = match text.parse::<jiff::civil::Date>() {
        Ok(day) if text.len() == 10 => day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
        _ => text.parse().ok()?,
    };
    Some(time.as_millisecond())
}
