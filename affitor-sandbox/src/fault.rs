//! Faults: failures that the sandbox injects between a client and the service.

mod active;
mod text;

use std::time::Duration;

pub(crate) use active::ActiveFaults;
pub(crate) use text::whole_seconds;

use crate::call::ApiCall;

/// A failure that can be injected into a request.
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
    /// `latency=250ms`: the event is recorded and the response is delayed by this time.
    Latency(Duration),
    /// `error-before-write`: 500; nothing is recorded.
    ErrorBeforeWrite,
    /// `error-after-write`: 500, although the event is recorded.
    ErrorAfterWrite,
    /// `rate-limited=30s`: 429 with `Retry-After` in whole seconds; nothing is recorded.
    RateLimited(Duration),
    /// `commission-lost`: 500; a sale is recorded without its commission, and its transaction id is used up. The
    /// service's documents describe this case for their 500. For other calls this is the same as `error-after-write`.
    CommissionLost,
    /// `reset-before-write`: the connection is reset; nothing is recorded.
    ResetBeforeWrite,
    /// `reset-after-write`: the connection is reset, although the event is recorded.
    ResetAfterWrite,
    /// `truncated-response`: the event is recorded and the connection closes in the middle of the response.
    TruncatedResponse,
    /// `bad-gateway`: a proxy's 502 in HTML; nothing is recorded.
    BadGateway,
    /// `stall`: nothing is recorded and no response is ever sent.
    Stall,
}

impl Fault {
    /// All faults. Those with a duration have one second.
    pub const ALL: &[Self] = &[
        Self::Latency(Duration::from_secs(1)),
        Self::ErrorBeforeWrite,
        Self::ErrorAfterWrite,
        Self::CommissionLost,
        Self::RateLimited(Duration::from_secs(1)),
        Self::ResetBeforeWrite,
        Self::ResetAfterWrite,
        Self::TruncatedResponse,
        Self::BadGateway,
        Self::Stall,
    ];

    /// Returns a rule that injects the fault into every request.
    pub fn always(self) -> FaultRule {
        FaultRule { fault: self, call: None, chance: Chance::Always }
    }

    /// Returns a rule that injects the fault into the next `count` requests.
    pub fn times(self, count: u32) -> FaultRule {
        FaultRule { fault: self, call: None, chance: Chance::Times(count) }
    }

    /// Returns a rule that injects the fault into a share of the requests: 0.1 is one in ten.
    ///
    /// The sandbox's [seed](crate::SandboxBuilder::seed) determines which ones, so the same sequence of requests always
    /// gets the same faults.
    pub fn with_probability(self, probability: f64) -> FaultRule {
        let probability = if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) };
        FaultRule { fault: self, call: None, chance: Chance::Probability(probability) }
    }

    /// Returns true if the event is recorded despite the fault.
    pub fn writes(&self) -> bool {
        matches!(
            self,
            Self::Latency(_)
                | Self::ErrorAfterWrite
                | Self::CommissionLost
                | Self::ResetAfterWrite
                | Self::TruncatedResponse
        )
    }

    /// Returns what the fault does, in a few words.
    pub fn description(&self) -> &'static str {
        match self {
            Self::Latency(_) => "recorded, and the response is delayed",
            Self::ErrorBeforeWrite => "not recorded, 500",
            Self::ErrorAfterWrite => "recorded, but 500",
            Self::RateLimited(_) => "not recorded, 429 with Retry-After",
            Self::CommissionLost => "a sale is recorded without its commission, 500",
            Self::ResetBeforeWrite => "not recorded, connection reset",
            Self::ResetAfterWrite => "recorded, but the connection is reset",
            Self::TruncatedResponse => "recorded, but the response is cut off",
            Self::BadGateway => "not recorded, a proxy's 502 in HTML",
            Self::Stall => "not recorded, and no response",
        }
    }

    /// Returns the text form of the fault with a placeholder for a duration, such as `latency=TIME` or `stall`.
    pub fn syntax(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency=TIME",
            Self::ErrorBeforeWrite => "error-before-write",
            Self::ErrorAfterWrite => "error-after-write",
            Self::CommissionLost => "commission-lost",
            Self::RateLimited(_) => "rate-limited=TIME",
            Self::ResetBeforeWrite => "reset-before-write",
            Self::ResetAfterWrite => "reset-after-write",
            Self::TruncatedResponse => "truncated-response",
            Self::BadGateway => "bad-gateway",
            Self::Stall => "stall",
        }
    }
}

/// A fault, the calls that it affects, and how often it strikes.
///
/// The text form is `FAULT[@CALL][:PROBABILITY | :COUNTx]`, as in `error-after-write@sale:3x`, `latency=250ms:0.1` or
/// `stall`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a rule has no effect until a sandbox has it"]
pub struct FaultRule {
    fault: Fault,
    call: Option<ApiCall>,
    chance: Chance,
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Chance {
    Always,
    Times(u32),
    Probability(f64),
}

impl FaultRule {
    /// Restricts the rule to this call. Default: all calls.
    pub fn on(mut self, call: ApiCall) -> Self {
        self.call = Some(call);
        self
    }

    /// Returns the fault.
    pub fn fault(&self) -> Fault {
        self.fault
    }
}
