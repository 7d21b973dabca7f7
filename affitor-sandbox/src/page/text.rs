//! Formatting of times and amounts on the page.

use std::borrow::Cow;

use crate::clock::{self, DAY_MS};

/// Currencies without a minor unit: the API's "cents" are whole units.
const WITHOUT_CENTS: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];

/// Formats an amount with its currency: `49.00 USD`, `1,200,000 VND`.
pub(super) fn money(amount: u64, currency: &str) -> String {
    if WITHOUT_CENTS.contains(&currency) {
        format!("{} {currency}", grouped(amount))
    } else {
        format!("{}.{:02} {currency}", grouped(amount / 100), amount % 100)
    }
}

/// Cuts a text received from a client to a readable length.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    const MAX_LENGTH: usize = 256;
    match text.char_indices().nth(MAX_LENGTH) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Formats a number with thousands separators.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats the time of day in UTC, with the date if it is not the date of `now_ms`.
pub(super) fn when(at_ms: i64, now_ms: i64) -> String {
    let iso = clock::iso(at_ms);
    let (day, time) = (iso.get(..10).unwrap_or_default(), iso.get(11..19).unwrap_or_default());
    if at_ms.div_euclid(DAY_MS) == now_ms.div_euclid(DAY_MS) { time.to_owned() } else { format!("{day} {time}") }
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
    fn amounts() {
        for (amount, currency, text) in [
            (4_900, "USD", "49.00 USD"),
            (5, "EUR", "0.05 EUR"),
            (123_456_789, "USD", "1,234,567.89 USD"),
            (1_200_000, "VND", "1,200,000 VND"),
            (999, "JPY", "999 JPY"),
        ] {
            assert_eq!(money(amount, currency), text);
        }
    }

    #[test]
    fn times() {
        assert_eq!(when(0, 1), "00:00:00");
        assert_eq!(when(0, DAY_MS), "1970-01-01 00:00:00");
        assert_eq!(distance(61 * DAY_MS + 3_600_000), "61 days 1 h");
        assert_eq!(distance(0), "");
    }
}
