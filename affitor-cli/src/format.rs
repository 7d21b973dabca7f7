//! Formats counts and durations for people.

use std::time::{Duration, SystemTime};

use affitor::Currency;

/// `1 click`, `2 clicks`.
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// An amount in a currency's smallest unit, in the unit that people use: `49.00`.
pub(crate) fn amount(cents: u64, currency: &str) -> String {
    // Without a smaller unit.
    if ["VND", "JPY", "KRW"].contains(&currency) {
        return cents.to_string();
    }
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// `49.00 USD`.
pub(crate) fn money(cents: u64, currency: Currency) -> String {
    format!("{} {currency}", amount(cents, currency.as_str()))
}

/// `59 min`, `40 s`. Minutes are rounded up, so that a retry after that time is never too early.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

/// `retry in 40 s, at 11:38:41 UTC`.
pub(crate) fn retry_in(wait: Duration) -> String {
    // Beyond a day, a time of day is ambiguous.
    let at = if wait <= Duration::from_secs(24 * 60 * 60) { time_of_day_after(wait) } else { String::new() };
    format!("retry in {}{at}", duration(wait))
}

fn time_of_day_after(wait: Duration) -> String {
    // An HTTP date looks like "Sat, 21 Nov 2026 11:38:41 GMT".
    let date = SystemTime::now().checked_add(wait).map(httpdate::fmt_http_date).unwrap_or_default();
    date.get(17..25).map_or_else(String::new, |time| format!(", at {time} UTC"))
}
