//! Why a call had no outcome.

use std::{error::Error as StdError, fmt, time::Duration};

use crate::InvalidEvent;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a call had no outcome.
///
/// Ask it with its `is_*` methods; it can grow without breaking anybody. It holds the service's own words, cut to 300
/// bytes, and never the key or an e-mail address.
///
/// ```
/// use affitor::{Client, Lead};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let error = Client::disabled().track_lead(Lead::new("")).await.unwrap_err();
/// assert!(error.is_invalid());
/// assert_eq!(error.to_string(), "invalid: a lead needs a customer_key or a click_id");
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    retry_after: Option<Duration>,
    retryable: bool,
    may_have_arrived: bool,
    source: Option<BoxError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Invalid,
    Disabled,
    Unauthorized,
    Rejected,
    RateLimited,
    Unavailable,
    Timeout,
    Transport,
    Unexpected,
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Box::new(Inner {
            kind,
            status: None,
            code: None,
            message: None,
            retry_after: None,
            retryable: false,
            may_have_arrived: false,
            source: None,
        }))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid).with_message(message)
    }

    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    pub(crate) fn with_status(mut self, status: Option<u16>) -> Self {
        self.0.status = status;
        self
    }

    pub(crate) fn with_code(mut self, code: Option<String>) -> Self {
        self.0.code = code;
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Sets what may be done with the event afterwards.
    pub(crate) fn with_fate(mut self, retryable: bool, may_have_arrived: bool) -> Self {
        self.0.retryable = retryable;
        self.0.may_have_arrived = may_have_arrived;
        self
    }

    /// The event or the configuration is wrong, and the service was not asked.
    pub fn is_invalid(&self) -> bool {
        self.0.kind == Kind::Invalid
    }

    /// A question was put to a client that is [`disabled`](crate::Client::disabled). (Events have an outcome there.)
    pub fn is_disabled(&self) -> bool {
        self.0.kind == Kind::Disabled
    }

    /// The service rejected the key: status 401 or 403.
    pub fn is_unauthorized(&self) -> bool {
        self.0.kind == Kind::Unauthorized
    }

    /// The service rejected the event: another 4xx, or `success: false`. [`Error::message`] says why.
    pub fn is_rejected(&self) -> bool {
        self.0.kind == Kind::Rejected
    }

    /// Too many calls: status 429. [`Error::retry_after`] says how long to wait.
    pub fn is_rate_limited(&self) -> bool {
        self.0.kind == Kind::RateLimited
    }

    /// The service could not do it now: status 408, 425 or 5xx.
    pub fn is_unavailable(&self) -> bool {
        self.0.kind == Kind::Unavailable
    }

    /// There was no answer in time.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == Kind::Timeout
    }

    /// The network failed: no connection, a reset, an answer that was cut off.
    pub fn is_transport(&self) -> bool {
        self.0.kind == Kind::Transport
    }

    /// There was an answer that the service would not give: HTML, JSON of another shape, a redirect, over 1 MiB.
    pub fn is_unexpected(&self) -> bool {
        self.0.kind == Kind::Unexpected
    }

    /// Whether the same event may be sent again later without harm. The call has done so already, as often as its time
    /// allowed.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether the service may have recorded the event all the same: after a time-out, a cut-off answer or a 5xx.
    pub fn may_have_arrived(&self) -> bool {
        self.0.may_have_arrived
    }

    /// The HTTP status of the last answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's code for the error (`invalid_key`, `rate_limited`, …), where it gave one.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The service's words, or what is wrong with the event.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// How long the service asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl From<InvalidEvent> for Error {
    fn from(invalid: InvalidEvent) -> Self {
        Self::invalid(invalid.0).with_source(invalid)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.kind {
            Kind::Invalid => "invalid",
            Kind::Disabled => "the client is disabled",
            Kind::Unauthorized => "the service rejected the API key",
            Kind::Rejected => "rejected by the service",
            Kind::RateLimited => "too many calls",
            Kind::Unavailable => "the service is unavailable",
            Kind::Timeout => "no answer in time",
            Kind::Transport => "the network failed",
            Kind::Unexpected => "unexpected answer",
        })?;
        if let Some(status) = self.0.status {
            write!(f, " (status {status})")?;
        }
        if let Some(message) = &self.0.message {
            write!(f, ": {message}")?;
        }
        if let Some(wait) = self.0.retry_after {
            write!(f, " (try again in {} s)", wait.as_secs())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("affitor::Error");
        shown.field("kind", &self.0.kind);
        if let Some(status) = self.0.status {
            shown.field("status", &status);
        }
        if let Some(code) = &self.0.code {
            shown.field("code", code);
        }
        if let Some(message) = &self.0.message {
            shown.field("message", message);
        }
        if let Some(wait) = self.0.retry_after {
            shown.field("retry_after", &wait);
        }
        shown.field("retryable", &self.0.retryable).field("may_have_arrived", &self.0.may_have_arrived);
        if let Some(source) = &self.0.source {
            shown.field("source", source);
        }
        shown.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
