//! Times in RFC 3339, as parameters and objects have them.

/// Parses a time to microseconds since 1970. A time without an offset is in UTC.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let (time, offset) = split_offset(time)?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':')?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some(seconds * 1_000_000 + micros)
}

/// Splits a time of day from its offset in seconds.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, 0));
    }
    let Some(position) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (time, offset) = time.split_at(position);
    let [hours, minutes] = numbers(&offset[1..], ':')?;
    let seconds = hours * 3_600 + minutes * 60;
    Some((time, if offset.starts_with('-') { -seconds } else { seconds }))
}

/// Parses exactly `N` numbers.
fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let numbers: Option<Vec<i64>> = text
        .split(separator)
        .map(|part| if part.bytes().all(|byte| byte.is_ascii_digit()) { part.parse().ok() } else { None })
        .collect();
    numbers?.try_into().ok()
}

/// Number of a day since 1970-01-01. The year is taken to begin in March, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn parses_known_times() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00.000000Z", 951_782_400),
            ("2025-10-09T08:53:21", 1_760_000_001),
            ("2025-10-09T10:53:21+02:00", 1_760_000_001),
            ("2025-10-09T03:23:21-05:30", 1_760_000_001),
        ] {
            assert_eq!(parse(text), Some(seconds * 1_000_000), "{text}");
        }
        assert_eq!(parse("1970-01-01T00:00:00.5Z"), Some(500_000));
    }

    #[test]
    fn refuses_other_texts() {
        for text in
            ["", "1760000001", "2025-10-09", "2025-10-09T08:53", "2025-10-09T08:53:21 00:00", "2025-13-09T08:53:21Z"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
