//! Commission policies: what a sale pays, and for how long.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::percent::Percent;

/// A program's commission policy: a percentage of each sale, for the period given by its kind.
///
/// ```
/// use affitor_sandbox::Commission;
///
/// let first_sale_only = Commission::one_time(30);
/// let first_year = Commission::recurring(12.5, 12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commission {
    pub(crate) kind: CommissionKind,
    pub(crate) percent: Percent,
    /// An amount per sale, instead of a percentage.
    pub(crate) fixed_cents: Option<u64>,
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
    /// `cpc`: clicks. The sandbox computes no commission for them, and sales pay none.
    PerClick,
    /// `cpl`: leads. The sandbox computes no commission for them, and sales pay none.
    PerLead,
}

/// Writes the format that [`FromStr`] parses.
impl fmt::Display for Commission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.fixed_cents.map_or_else(|| self.percent.to_string(), |cents| format!("{cents}c"));
        match self.kind {
            CommissionKind::OneTime => write!(f, "one-time:{rate}"),
            CommissionKind::Recurring { months } => write!(f, "recurring:{rate}:{months}"),
            CommissionKind::Lifetime => write!(f, "lifetime:{rate}"),
            CommissionKind::PerClick => f.write_str("per-click"),
            CommissionKind::PerLead => f.write_str("per-lead"),
        }
    }
}

/// Parses `one-time:PERCENT`, `recurring:PERCENT:MONTHS`, `lifetime:PERCENT`, `per-click` or `per-lead`. The percentage is
/// at most 100, with up to four decimals. An amount per sale, such as `500c` (cents), may be given instead.
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
        let rate = parts.next();
        let fixed_cents = rate.and_then(|rate| rate.strip_suffix('c')).and_then(|cents| cents.parse::<u64>().ok());
        let percent = rate.and_then(|percent| percent.parse().ok()).filter(|percent| *percent <= Percent::HUNDRED);
        let percent = percent.or(fixed_cents.map(|_| Percent::default()));
        let parsed = match (kind, percent) {
            ("one-time", Some(percent)) => Some(Self::one_time(percent)),
            ("recurring", Some(percent)) => {
                let months = parts.next().and_then(|months| months.parse::<u32>().ok());
                months.map(|months| Self::recurring(percent, months))
            }
            ("lifetime", Some(percent)) => Some(Self::lifetime(percent)),
            ("per-click", None) if rate.is_none() => Some(Self::per_click()),
            ("per-lead", None) if rate.is_none() => Some(Self::per_lead()),
            _ => None,
        };
        let parsed = parsed.map(|commission| Self { fixed_cents, ..commission });
        parsed.filter(|_| parts.next().is_none()).ok_or_else(|| {
            format!(
                "{text:?} is not a commission: expected one-time:RATE, recurring:RATE:MONTHS, lifetime:RATE, per-click or \
                 per-lead, such as recurring:20:12. RATE is a percentage of at most 100 such as 12.5, or an amount in cents such as 500c"
            )
        })
    }
}

impl Commission {
    /// Pays a percentage of the customer's first sale.
    pub fn one_time(percent: impl Into<Percent>) -> Self {
        Self { kind: CommissionKind::OneTime, percent: percent.into(), fixed_cents: None }
    }

    /// Pays a percentage of each sale, for a number of months from the first sale.
    pub fn recurring(percent: impl Into<Percent>, months: u32) -> Self {
        Self { kind: CommissionKind::Recurring { months }, percent: percent.into(), fixed_cents: None }
    }

    /// Pays a percentage of every sale.
    pub fn lifetime(percent: impl Into<Percent>) -> Self {
        Self { kind: CommissionKind::Lifetime, percent: percent.into(), fixed_cents: None }
    }

    /// Pays for clicks. Sales pay nothing.
    pub fn per_click() -> Self {
        Self { kind: CommissionKind::PerClick, percent: Percent::default(), fixed_cents: None }
    }

    /// Pays for leads. Sales pay nothing.
    pub fn per_lead() -> Self {
        Self { kind: CommissionKind::PerLead, percent: Percent::default(), fixed_cents: None }
    }

    /// Pays this amount per sale instead of a percentage, in the currency's smallest unit.
    #[must_use]
    pub fn with_fixed_cents(mut self, cents: u64) -> Self {
        (self.percent, self.fixed_cents) = (Percent::default(), Some(cents));
        self
    }

    /// Returns the amount per sale, in the currency's smallest unit, if it is not a percentage.
    pub fn fixed_cents(&self) -> Option<u64> {
        self.fixed_cents
    }

    /// Returns which of a customer's sales pay.
    pub fn kind(&self) -> CommissionKind {
        self.kind
    }

    /// Returns the percentage; 0 if the commission is an amount per sale.
    pub fn percent(&self) -> Percent {
        self.percent
    }
}

impl Serialize for Commission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Commission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
