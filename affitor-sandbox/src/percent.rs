//! Rates in per cent, with decimals.

use std::{fmt, str::FromStr};

/// A percentage with up to four decimals, such as 12.5.
///
/// ```
/// use affitor_sandbox::Percent;
///
/// assert_eq!(Percent::from(12.5).to_string(), "12.5");
/// assert_eq!("20".parse(), Ok(Percent::from(20)));
/// assert!("12.34567".parse::<Percent>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

impl Percent {
    /// 1 %, as it is stored.
    const ONE: u32 = 10_000;

    /// 100 %.
    pub const HUNDRED: Self = Self(100 * Self::ONE);

    /// Returns this part of an amount, rounded to the nearest unit.
    pub(crate) fn of(self, amount: u64) -> u64 {
        let whole = u128::from(Self::HUNDRED.0);
        u64::try_from((u128::from(amount) * u128::from(self.0) + whole / 2) / whole).unwrap_or(u64::MAX)
    }
}

/// A larger number is treated as the largest possible one.
impl From<u32> for Percent {
    fn from(percent: u32) -> Self {
        Self(percent.saturating_mul(Self::ONE))
    }
}

/// Rounded to four decimals. What is no number of at least 0 is treated as 0.
impl From<f64> for Percent {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
    fn from(percent: f64) -> Self {
        Self((percent * f64::from(Self::ONE)).round() as u32)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / Self::ONE, self.0 % Self::ONE);
        match decimals {
            0 => write!(f, "{whole}"),
            decimals => f.write_str(format!("{whole}.{decimals:04}").trim_end_matches('0')),
        }
    }
}

impl FromStr for Percent {
    type Err = InvalidPercent;

    fn from_str(text: &str) -> Result<Self, InvalidPercent> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 4 {
            return Err(InvalidPercent);
        }
        let decimals: Option<u32> = format!("{decimals:0<4}").parse().ok();
        let whole: Option<u32> = whole.parse().ok();
        let value = whole.and_then(|whole| whole.checked_mul(Self::ONE)?.checked_add(decimals?));
        value.map(Self).ok_or(InvalidPercent)
    }
}

/// A text is not a number with up to four decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidPercent;

impl fmt::Display for InvalidPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a percentage is a number with up to four decimals, such as 12.5")
    }
}

impl std::error::Error for InvalidPercent {}

#[cfg(test)]
mod tests {
    use super::Percent;

    #[test]
    fn percentages() {
        for (text, shown, of_4900) in [
            ("20", "20", 980),
            ("12.5", "12.5", 613),
            ("0.0001", "0.0001", 0),
            ("33.3333", "33.3333", 1_633),
            ("100.0", "100", 4_900),
        ] {
            let percent: Percent = text.parse().unwrap();
            assert_eq!((percent.to_string().as_str(), percent.of(4_900)), (shown, of_4900));
            assert_eq!(shown.parse(), Ok(percent));
        }
        for text in ["", ".5", "5.", "-1", "1e3", "12.34567", "99999999", " 1"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
        assert_eq!(Percent::from(-1.0), Percent::from(0));
        assert_eq!(Percent::HUNDRED.of(u64::MAX), u64::MAX);
    }
}
