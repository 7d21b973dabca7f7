//! The error that ends a command.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{exit::Exit, format::retry_in};

/// Why a command failed, and how to fix it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Minimum delay requested by the service.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: Some(hint.into()), retry_after: None }
    }

    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message, hint)
    }

    pub(crate) fn no_http_client(error: &reqwest::Error) -> Self {
        Self::usage(format!("cannot create an HTTP client: {error}"), "check the TLS settings of this machine")
    }

    /// When to retry, and how to fix it.
    pub(crate) fn full_hint(&self) -> Option<String> {
        let hints: Vec<String> = self.retry_after.map(retry_in).into_iter().chain(self.hint.clone()).collect();
        (!hints.is_empty()).then(|| hints.join("; "))
    }

    /// The error in JSON output.
    pub(crate) fn json(&self) -> Value {
        json!({
            "kind": self.exit.kind(),
            "message": self.message,
            "hint": self.full_hint(),
            "retry_after_seconds": self.retry_after.map(|wait| wait.as_secs()),
        })
    }
}
