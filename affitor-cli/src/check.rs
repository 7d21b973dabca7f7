//! The result of one check.

use serde::Serialize;

use crate::exit::Exit;

#[derive(Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) status: CheckStatus,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    /// Exit code of the command if this is the first check with a problem.
    #[serde(skip)]
    pub(crate) exit: Exit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckStatus {
    Passed,
    /// Unusual, but possibly correct.
    Warning,
    Failed,
    /// What was accepted has not arrived yet.
    Waiting,
    Skipped,
}

impl Check {
    pub(crate) fn passed(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Passed, message: message.into(), hint: None, exit: Exit::Success }
    }

    pub(crate) fn warning(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: CheckStatus::Warning, hint: Some(hint.into()), ..Self::passed(name, message) }
    }

    /// A failed check, with [`Exit::Failed`] unless [`with_exit`](Self::with_exit) changes it.
    pub(crate) fn failed(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: CheckStatus::Failed, exit: Exit::Failed, ..Self::warning(name, message, hint) }
    }

    pub(crate) fn waiting(name: &'static str, message: impl Into<String>) -> Self {
        Self { status: CheckStatus::Waiting, exit: Exit::RetryLater, ..Self::passed(name, message) }
    }

    pub(crate) fn skipped(name: &'static str, reason: &str) -> Self {
        Self { status: CheckStatus::Skipped, ..Self::passed(name, format!("skipped: {reason}")) }
    }

    pub(crate) fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }
}
