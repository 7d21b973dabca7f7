//! Formatting of times and amounts on the page.

use std::borrow::Cow;

use super::now::Now;
use crate::clock::{self, DAY_MS};
pub(super) use crate::money::{grouped, money};

/// Cuts a text received from a client to a readable length.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    const MAX_LENGTH: usize = 256;
    match text.char_indices().nth(MAX_LENGTH) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Formats the time of day in UTC, with the date if the clock was moved or the time is not today.
pub(super) fn when(at_ms: i64, now: Now) -> String {
    let iso = clock::iso(at_ms);
    let (day, time) = (iso.get(..10).unwrap_or_default(), iso.get(11..19).unwrap_or_default());
    let is_today = at_ms.div_euclid(DAY_MS) == now.ms.div_euclid(DAY_MS);
    if is_today && !now.moved { time.to_owned() } else { format!("{day} {time}") }
}

/// Formats the offset of the clock: `61 days`, `2 h`, `90 s`.
pub(super) fn distance(ms: i64) -> String {
    let (days, rest) = (ms / DAY_MS, ms % DAY_MS);
    let (hours, minutes, seconds) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    let parts = [(days, if days == 1 { "day" } else { "days" }), (hours, "h"), (minutes, "min"), (seconds, "s")];
    let text: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    text.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(when(0, Now { ms: 1, moved: false }), "00:00:00");
        assert_eq!(when(0, Now { ms: 1, moved: true }), "1970-01-01 00:00:00");
        assert_eq!(when(0, Now { ms: DAY_MS, moved: false }), "1970-01-01 00:00:00");
        assert_eq!(distance(61 * DAY_MS + 3_600_000), "61 days 1 h");
        assert_eq!(distance(0), "");
    }
}
