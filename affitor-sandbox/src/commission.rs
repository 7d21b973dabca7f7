//! Commission policies: what a sale pays, and for how long.

use std::{fmt, str::FromStr};

/// A program's commission policy: a percentage of each sale, for the period given by its kind.
///
/// ```
/// use affitor_sandbox::Commission;
///
/// let first_sale_only = Commission::one_time(30);
/// let first_year = Commission::recurring(20, 12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commission {
    pub(crate) kind: CommissionKind,
    pub(crate) percent: u32,
}

/// Which of a customer's sales pay a commission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommissionKind {
    /// `cps_one_time`: the customer's first sale.
    OneTime,
    /// `cps_recurring`: every sale within a number of months from the first sale. A month is 30 days.
    #[non_exhaustive]
    Recurring {
        /// Number of months.
        months: u32,
    },
    /// `cps_lifetime`: every sale.
    Lifetime,
}

/// Writes the format that [`FromStr`] parses.
impl fmt::Display for Commission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            CommissionKind::OneTime => write!(f, "one-time:{}", self.percent),
            CommissionKind::Recurring { months } => write!(f, "recurring:{}:{months}", self.percent),
            CommissionKind::Lifetime => write!(f, "lifetime:{}", self.percent),
        }
    }
}

/// Parses `one-time:PERCENT`, `recurring:PERCENT:MONTHS` or `lifetime:PERCENT`. The percentage is at most 100.
///
/// ```
/// use affitor_sandbox::Commission;
///
/// assert_eq!("recurring:20:12".parse(), Ok(Commission::recurring(20, 12)));
/// assert!("recurring:20".parse::<Commission>().is_err());
/// ```
impl FromStr for Commission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let kind = parts.next().unwrap_or_default();
        let mut number = || parts.next().and_then(|number| number.parse::<u32>().ok());
        let percent = number().filter(|percent| *percent <= 100);
        let parsed = match (kind, percent) {
            ("one-time", Some(percent)) => Some(Self::one_time(percent)),
            ("recurring", Some(percent)) => number().map(|months| Self::recurring(percent, months)),
            ("lifetime", Some(percent)) => Some(Self::lifetime(percent)),
            _ => None,
        };
        parsed.filter(|_| parts.next().is_none()).ok_or_else(|| {
            format!(
                "{text:?} is not a commission: expected one-time:PERCENT, recurring:PERCENT:MONTHS or \
                 lifetime:PERCENT, such as recurring:20:12, with at most 100 percent"
            )
        })
    }
}

impl Commission {
    /// Pays a percentage of the customer's first sale.
    pub fn one_time(percent: u32) -> Self {
        Self { kind: CommissionKind::OneTime, percent }
    }

    /// Pays a percentage of each sale, for a number of months from the first sale.
    pub fn recurring(percent: u32, months: u32) -> Self {
        Self { kind: CommissionKind::Recurring { months }, percent }
    }

    /// Pays a percentage of every sale.
    pub fn lifetime(percent: u32) -> Self {
        Self { kind: CommissionKind::Lifetime, percent }
    }

    /// Returns which of a customer's sales pay.
    pub fn kind(&self) -> CommissionKind {
        self.kind
    }

    /// Returns the percentage.
    pub fn percent(&self) -> u32 {
        self.percent
    }
}
