//! The argument `--since`.

use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

/// The ledger keeps payments for 550 days. Older ones would be taken for new ones.
const MAX: u64 = 540 * DAY;

/// Parses an age, such as `30d`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number of minutes, hours, days or weeks, such as 90m, 12h, 30d or 8w".to_owned();
    let text = text.trim();
    let unit = text.chars().last().ok_or_else(expected)?;
    let seconds = match unit {
        'm' => 60,
        'h' => 60 * 60,
        'd' => DAY,
        'w' => 7 * DAY,
        _ => return Err(expected()),
    };
    let number = &text[..text.len() - 1];
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected());
    }
    let age = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)).unwrap_or(u64::MAX);
    match age {
        0 => Err(expected()),
        age if age > MAX => Err("at most 540d, because the ledger keeps payments for 550 days".to_owned()),
        age => Ok(Duration::from_secs(age)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_in_each_unit() {
        for (text, seconds) in [("90m", 5_400), ("12h", 43_200), ("30d", 2_592_000), (" 8w ", 4_838_400)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "0d", "-1d", "+1d", "1.5d", "30", "30 d", "30é", "541d", "99999999999999999999w"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
