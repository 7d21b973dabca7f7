//! Time of a life: it starts less than an hour before the given moment and never passes it.

/// A clock that advances by some seconds with every event.
#[derive(Debug)]
pub(crate) struct Clock {
    time: u64,
    end: u64,
}

impl Clock {
    pub(crate) fn ending_at(now: u64) -> Self {
        Self { time: now.saturating_sub(3_500), end: now }
    }

    pub(crate) fn now(&self) -> u64 {
        self.time
    }

    pub(crate) fn advance(&mut self, rng: &mut fastrand::Rng) -> u64 {
        self.time = (self.time + rng.u64(0..20)).min(self.end);
        self.time
    }
}

/// Formats a time as RFC 3339 in UTC, with microseconds.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000000Z")
}

/// Year, month and day of a day number since 1970-01-01. The year is taken to begin in March, so that the leap day is its last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_known_times() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00.000000Z");
        assert_eq!(rfc3339(1_760_000_001), "2025-10-09T08:53:21.000000Z");
    }

    #[test]
    fn never_passes_its_end() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut clock = Clock::ending_at(10_000);
        for _ in 0..1_000 {
            assert!(clock.advance(&mut rng) <= 10_000);
        }
    }
}
