//! Outcome of a request: the response, or the failure that a fault makes of it.

use std::time::Duration;

use crate::{
    call::ApiCall,
    fault::{Fault, whole_seconds},
    reply::Reply,
};

/// Result of serving a request.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) outcome: Outcome,
    /// Delay before the outcome.
    pub(crate) delay: Option<Duration>,
}

/// What the client of a request gets to see.
#[derive(Debug)]
pub(crate) enum Outcome {
    Response(Reply),
    /// The connection closes in the middle of this response.
    TruncatedResponse(Reply),
    /// The connection is reset.
    Reset,
    /// No response is ever sent.
    Stall,
}

impl Outcome {
    /// The outcome of a call with this response when this fault is injected.
    pub(crate) fn new(fault: Option<Fault>, call: Option<ApiCall>, reply: Reply) -> Self {
        match fault {
            None | Some(Fault::Latency(_)) => Self::Response(reply),
            Some(Fault::CommissionLost) if call == Some(ApiCall::Sale) => {
                Self::Response(Reply::error(500, "Failed to create commission"))
            }
            Some(Fault::ErrorBeforeWrite | Fault::ErrorAfterWrite | Fault::CommissionLost) => {
                Self::Response(failed(call))
            }
            Some(Fault::RateLimited(wait)) => {
                Self::Response(Reply::rate_limited("Too many requests.", whole_seconds(wait)))
            }
            Some(Fault::ResetBeforeWrite | Fault::ResetAfterWrite) => Self::Reset,
            Some(Fault::TruncatedResponse) => Self::TruncatedResponse(reply),
            Some(Fault::BadGateway) => Self::Response(Reply::bad_gateway()),
            Some(Fault::Stall) => Self::Stall,
        }
    }
}

/// The documented response of a call that fails with an internal error.
pub(crate) fn failed(call: Option<ApiCall>) -> Reply {
    let message = match call {
        Some(ApiCall::Click) => "Click tracking failed",
        Some(ApiCall::Lead) => "Lead tracking failed",
        Some(ApiCall::Sale) => "Sale tracking failed",
        Some(ApiCall::Refund) => "Refund tracking failed",
        Some(ApiCall::Readiness) => return Reply::readiness_failed(),
        _ => "Internal server error",
    };
    Reply::error(500, message)
}
