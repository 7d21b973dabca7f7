//! What can go wrong on the way to a service and back, on demand.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ApiCall;

/// Something that goes wrong with a request.
///
/// ```
/// use std::time::Duration;
///
/// use affitor_sandbox::{ApiCall, Fault};
///
/// let twice = Fault::ErrorAfterWrite.times(2).on(ApiCall::Sale);
/// assert_eq!(twice.to_string(), "error-after-write@sale:2x");
/// assert_eq!("latency=250ms:0.1".parse(), Ok(Fault::Latency(Duration::from_millis(250)).with_probability(0.1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `latency=250ms`: the event is recorded, and the answer comes so much later.
    Latency(Duration),
    /// `error-before-write`: 500, and nothing is recorded.
    ErrorBeforeWrite,
    /// `error-after-write`: 500, and yet the event is recorded.
    ErrorAfterWrite,
    /// `rate-limited=30s`: 429 with `Retry-After` in whole seconds, and nothing is recorded.
    RateLimited(Duration),
    /// `commission-lost`: a sale is recorded without its commission and answered with 500, and its transaction id is used
    /// up: what the service's documents say of its 500. Other calls meet an `error-after-write`.
    CommissionLost,
    /// `reset-before-write`: the connection is reset, and nothing is recorded.
    ResetBeforeWrite,
    /// `reset-after-write`: the connection is reset, and yet the event is recorded.
    ResetAfterWrite,
    /// `cut-answer`: the event is recorded, and the connection ends in the middle of the answer.
    CutAnswer,
    /// `bad-gateway`: a proxy's 502 in HTML, and nothing is recorded.
    BadGateway,
    /// `stall`: nothing is recorded, and no answer ever comes.
    Stall,
}

impl Fault {
    /// For every request.
    pub fn always(self) -> FaultRule {
        FaultRule { fault: self, call: None, chance: Chance::Always }
    }

    /// For the next so many requests.
    pub fn times(self, count: u32) -> FaultRule {
        FaultRule { fault: self, call: None, chance: Chance::Times(count) }
    }

    /// For some requests: 0.1 is one in ten. Drawn from the sandbox's [seed](crate::SandboxBuilder::seed), so that
    /// requests in the same order meet the same faults.
    pub fn with_probability(self, probability: f64) -> FaultRule {
        let probability = if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) };
        FaultRule { fault: self, call: None, chance: Chance::Probability(probability) }
    }

    /// Whether the event is recorded all the same.
    pub fn writes(&self) -> bool {
        matches!(
            self,
            Self::Latency(_) | Self::ErrorAfterWrite | Self::CommissionLost | Self::ResetAfterWrite | Self::CutAnswer
        )
    }

    fn name(self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::ErrorBeforeWrite => "error-before-write",
            Self::ErrorAfterWrite => "error-after-write",
            Self::CommissionLost => "commission-lost",
            Self::RateLimited(_) => "rate-limited",
            Self::ResetBeforeWrite => "reset-before-write",
            Self::ResetAfterWrite => "reset-after-write",
            Self::CutAnswer => "cut-answer",
            Self::BadGateway => "bad-gateway",
            Self::Stall => "stall",
        }
    }
}

/// All faults, those with a time with one that is usual.
pub(crate) const FAULTS: [Fault; 10] = [
    Fault::Latency(Duration::from_secs(1)),
    Fault::ErrorBeforeWrite,
    Fault::ErrorAfterWrite,
    Fault::CommissionLost,
    Fault::RateLimited(Duration::from_secs(1)),
    Fault::ResetBeforeWrite,
    Fault::ResetAfterWrite,
    Fault::CutAnswer,
    Fault::BadGateway,
    Fault::Stall,
];

/// A fault, which calls meet it, and how often.
///
/// As a text: `FAULT[@CALL][:PROBABILITY | :COUNTx]`, as in `error-after-write@sale:3x`, `latency=250ms:0.1` or `stall`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a rule does nothing until a sandbox has it"]
pub struct FaultRule {
    pub(crate) fault: Fault,
    pub(crate) call: Option<ApiCall>,
    pub(crate) chance: Chance,
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Chance {
    Always,
    Times(u32),
    Probability(f64),
}

impl FaultRule {
    /// For this call alone. Default: for all of them.
    pub fn on(mut self, call: ApiCall) -> Self {
        self.call = Some(call);
        self
    }

    /// The fault.
    pub fn fault(&self) -> Fault {
        self.fault
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
        let known = FAULTS.into_iter().find(|fault| fault.name() == name).ok_or_else(|| {
            let names: Vec<_> = FAULTS.iter().map(|fault| fault.name()).collect();
            format!("{name:?} is no fault: one of {}", names.join(", "))
        })?;
        match (known, time) {
            (_, None) => Ok(known),
            (Self::Latency(_), Some(time)) => parse_time(time).map(Self::Latency),
            (Self::RateLimited(_), Some(time)) => parse_time(time).map(Self::RateLimited),
            (_, Some(_)) => Err(format!("{name} takes no time: only latency and rate-limited do")),
        }
    }
}

/// Rounded up, as `Retry-After` says it.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// `250ms` or `2s`, an hour at most.
fn parse_time(text: &str) -> Result<Duration, String> {
    let number = |digits: &str| digits.parse::<u64>().ok();
    let time = match text.strip_suffix("ms") {
        Some(millis) => number(millis).map(Duration::from_millis),
        None => text.strip_suffix('s').and_then(number).map(Duration::from_secs),
    };
    time.filter(|time| *time <= Duration::from_secs(3_600))
        .ok_or_else(|| format!("{text:?} is no time: 250ms or 2s, an hour at most"))
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
    let read = match text.strip_suffix('x') {
        Some(count) => count.parse().ok().map(Chance::Times),
        None => text.parse().ok().filter(|p| (0.0..=1.0).contains(p)).map(Chance::Probability),
    };
    read.ok_or_else(|| format!("{text:?} is neither a probability from 0 to 1 nor a count as 3x"))
}

macro_rules! as_text {
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

as_text! { Fault FaultRule }

/// The rules in force, and the dice.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<FaultRule>,
    dice: fastrand::Rng,
}

impl Faults {
    pub(crate) fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        Self { rules, dice: fastrand::Rng::with_seed(seed) }
    }

    pub(crate) fn rules(&self) -> &[FaultRule] {
        &self.rules
    }

    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault that a request meets: of the first rule that hits.
    pub(crate) fn draw(&mut self, call: ApiCall) -> Option<Fault> {
        let dice = &mut self.dice;
        let hit = self.rules.iter_mut().find_map(|rule| {
            if rule.call.is_some_and(|wanted| wanted != call) {
                return None;
            }
            let hits = match &mut rule.chance {
                Chance::Always => true,
                Chance::Times(0) => false,
                Chance::Times(left) => {
                    *left -= 1;
                    true
                }
                Chance::Probability(probability) => dice.f64() < *probability,
            };
            hits.then_some(rule.fault)
        });
        // Those that are used up are not shown any more.
        self.rules.retain(|rule| rule.chance != Chance::Times(0));
        hit
    }
}
