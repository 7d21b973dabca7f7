//! Text form of faults and fault rules. In JSON they are strings of the same form.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Chance, Fault, FaultRule};

/// Maximum duration of a fault.
const MAX_DURATION: Duration = Duration::from_secs(60 * 60);

impl Fault {
    fn name(self) -> &'static str {
        self.syntax().trim_end_matches("=TIME")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Latency(time) => write!(f, "={}ms", time.as_millis()),
            Self::RateLimited(time) => write!(f, "={}s", whole_seconds(*time)),
            _ => Ok(()),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, time) = text.split_once('=').map_or((text, None), |(name, time)| (name, Some(time)));
        let known = Self::ALL.iter().find(|fault| fault.name() == name).copied().ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|fault| fault.name()).collect();
            format!("{name:?} is not a fault: expected one of {}", names.join(", "))
        })?;
        match (known, time) {
            (_, None) => Ok(known),
            (Self::Latency(_), Some(time)) => parse_duration(time).map(Self::Latency),
            (Self::RateLimited(_), Some(time)) => parse_duration(time).map(Self::RateLimited),
            (_, Some(_)) => Err(format!("{name} takes no duration: only latency and rate-limited do")),
        }
    }
}

/// The duration in whole seconds, rounded up, as `Retry-After` states it.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// Parses `250ms` or `2s`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let number = |digits: &str| digits.parse::<u64>().ok();
    let time = match text.strip_suffix("ms") {
        Some(millis) => number(millis).map(Duration::from_millis),
        None => text.strip_suffix('s').and_then(number).map(Duration::from_secs),
    };
    time.filter(|time| *time <= MAX_DURATION)
        .ok_or_else(|| format!("{text:?} is not a duration: expected 250ms or 2s, for example, and at most one hour"))
}

impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        if let Some(call) = self.call {
            write!(f, "@{call}")?;
        }
        match self.chance {
            Chance::Always => Ok(()),
            Chance::Times(count) => write!(f, ":{count}x"),
            Chance::Probability(probability) => write!(f, ":{probability}"),
        }
    }
}

impl FromStr for FaultRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, chance) = match text.trim().split_once(':') {
            None => (text.trim(), Chance::Always),
            Some((rest, chance)) => (rest, parse_chance(chance)?),
        };
        let (fault, call) = match rest.split_once('@') {
            None => (rest, None),
            Some((fault, call)) => (fault, Some(call.parse()?)),
        };
        Ok(Self { fault: fault.parse()?, call, chance })
    }
}

fn parse_chance(text: &str) -> Result<Chance, String> {
    let parsed = match text.strip_suffix('x') {
        Some(count) => count.parse().ok().filter(|count| *count > 0).map(Chance::Times),
        None => text.parse().ok().filter(|p| (0.0..=1.0).contains(p)).map(Chance::Probability),
    };
    parsed.ok_or_else(|| format!("{text:?} is neither a probability from 0 to 1 nor a count of at least 1, such as 3x"))
}

macro_rules! serde_as_text {
    ($($name:ty)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

serde_as_text! { Fault FaultRule }
