//! The error of a call.
//!
//! Errors tell with `may_have_arrived` whether the event may be recorded nevertheless: after a time-out, a reset, a 5xx, or a success
//! that can't be read. `Error::next_step` turns that and the event's retry class into what a queue does.

use std::{error::Error as StdError, fmt, time::Duration};

use affitor_core::error::Sentence;

use crate::event::InvalidEvent;

type BoxError = Box<dyn StdError + Send + Sync>;

/// The error returned by every call.
///
/// Its `is_*` methods tell what went wrong. It contains the service's message, cut to 300 bytes, and never the API key or an
/// e-mail address.
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
    kind: ErrorKind,
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    retry_after: Option<Duration>,
    retryable: bool,
    may_have_arrived: bool,
    source: Option<BoxError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    Invalid,
    Disabled,
    Unauthorized,
    /// The key could not be read from its file or function.
    NoKey,
    Rejected,
    RateLimited,
    Unavailable,
    Timeout,
    Transport,
    Unexpected,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
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
        Self::new(ErrorKind::Invalid).with_message(message)
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

    /// Sets whether the event may be repeated, and whether it may have arrived.
    pub(crate) fn with_fate(mut self, retryable: bool, may_have_arrived: bool) -> Self {
        self.0.retryable = retryable;
        self.0.may_have_arrived = may_have_arrived;
        self
    }

    /// Returns `true` if the event or the configuration is wrong. No call was made.
    pub fn is_invalid(&self) -> bool {
        self.0.kind == ErrorKind::Invalid
    }

    /// Returns `true` if a query was made on a [disabled](crate::Client::disabled) client. (Events return `Disabled`
    /// instead.)
    pub fn is_disabled(&self) -> bool {
        self.0.kind == ErrorKind::Disabled
    }

    /// Returns `true` if the service rejected the API key (status 401 or 403), or if the key could not be read from its file or function.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unauthorized | ErrorKind::NoKey)
    }

    /// Returns `true` if the service rejected the event: any other 4xx status, or `success: false`. [`Error::message`] has
    /// the reason.
    pub fn is_rejected(&self) -> bool {
        self.0.kind == ErrorKind::Rejected
    }

    /// Returns true after too many calls: status 429. [`Error::retry_after`] has the requested delay.
    pub fn is_rate_limited(&self) -> bool {
        self.0.kind == ErrorKind::RateLimited
    }

    /// Returns `true` if the service is unavailable: status 408, 425 or 5xx.
    pub fn is_unavailable(&self) -> bool {
        self.0.kind == ErrorKind::Unavailable
    }

    /// Returns `true` if there was no response in time.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Returns `true` if the network failed: no connection, a reset, or a response that was cut off.
    pub fn is_transport(&self) -> bool {
        self.0.kind == ErrorKind::Transport
    }

    /// Returns `true` if the response does not look like one of the service: HTML, unknown JSON, a redirect, more than 1
    /// MiB.
    pub fn is_unexpected(&self) -> bool {
        self.0.kind == ErrorKind::Unexpected
    }

    /// Returns whether it is safe to send the same event again later. The call was already repeated as often as its limits
    /// allowed.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Returns whether the service may have recorded the event despite the error: after a time-out, an incomplete response, or a
    /// 5xx status.
    pub fn may_have_arrived(&self) -> bool {
        self.0.may_have_arrived
    }

    /// Returns the HTTP status of the last response, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the service's error code (`invalid_key`, `rate_limited`, …), if it sent one.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns the service's message, or what is wrong with the event.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Returns the minimum delay requested by the service.
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
            ErrorKind::Invalid => "invalid",
            ErrorKind::Disabled => "the client is disabled",
            ErrorKind::Unauthorized => "the service rejected the API key",
            ErrorKind::NoKey => "the API key could not be read",
            ErrorKind::Rejected => "rejected by the service",
            ErrorKind::RateLimited => "too many calls",
            ErrorKind::Unavailable => "the service is unavailable",
            ErrorKind::Timeout => "no response in time",
            ErrorKind::Transport => "the network failed",
            ErrorKind::Unexpected => "unexpected response",
        })?;
        if let Some(status) = self.0.status {
            write!(f, " (status {status})")?;
        }
        if let Some(message) = &self.0.message {
            write!(f, ": {message}")?;
        }
        if let Some(wait) = self.0.retry_after {
            write!(f, " (retry in {} s)", wait.as_secs())?;
        }
        Ok(())
    }
}

/// `{:?}` is what a failing `main` prints: the sentence and its causes. `{:#?}` shows the structure.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(&Sentence(self), f);
        }
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
