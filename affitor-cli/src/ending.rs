//! How the command ends: one code for each of what a script would tell apart.

use std::{fmt, process::ExitCode, time::Duration};

use affitor::Error;

/// What an exit code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Fine = 0,
    No = 1,
    Usage = 2,
    Unreachable = 3,
    KeyRefused = 4,
    Later = 5,
}

impl Ending {
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::No => "no",
            Self::Usage => "usage",
            Self::Unreachable => "unreachable",
            Self::KeyRefused => "key_refused",
            Self::Later => "later",
        }
    }
}

/// Why the command could not do its work, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) ending: Ending,
    pub(crate) message: String,
    pub(crate) mend: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { ending: Ending::Usage, message: message.into(), mend: Some(mend.into()), retry_after: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What the client could not do, as the command says it.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (ending, mend) = if error.is_unauthorized() {
            (
                Ending::KeyRefused,
                Some("check AFFITOR_API_KEY against the program's settings; `affitor doctor` says more"),
            )
        } else if error.is_rate_limited() {
            (Ending::Later, None)
        } else if error.is_invalid() {
            (Ending::Usage, Some("`affitor doctor` says what is wrong with the settings"))
        } else if error.is_transport() || error.is_timeout() || error.is_unavailable() || error.is_unexpected() {
            (Ending::Unreachable, Some("`affitor doctor` says where on the way it fails"))
        } else {
            (Ending::No, None)
        };
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message += &format!(": {text}");
            }
            source = cause.source();
        }
        Self { ending, message, mend: mend.map(str::to_owned), retry_after: error.retry_after() }
    }
}
