//! How the command ends: one code for each of what a script would tell apart.

use std::{fmt, process::ExitCode, time::Duration};

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
