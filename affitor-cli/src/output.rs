//! Output of the command: text for people, or one JSON document for programs. Colors appear only on a terminal.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;

use crate::{check::CheckStatus, failure::Failure};

pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();

/// Prints results in the format that was requested.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// Prints a line of text on standard output. Ignored for JSON.
    pub(crate) fn line(self, text: &str) {
        if !self.json {
            exit_on_error(writeln!(anstream::stdout(), "{text}"));
        }
    }

    /// Like [`line`](Self::line), for commands that must not exit at once.
    pub(crate) fn try_line(self, text: &str) -> io::Result<()> {
        if self.json { Ok(()) } else { writeln!(anstream::stdout(), "{text}") }
    }

    /// Prints a line that begins with the symbol of the status.
    pub(crate) fn status(self, status: CheckStatus, text: &str) {
        self.line(&with_symbol(status, text));
    }

    /// Prints how to fix the problem that the previous line reports.
    pub(crate) fn hint(self, text: &str) {
        self.line(&format!("  {DIM}→{DIM:#} {text}"));
    }

    /// Prints the JSON document on standard output. Ignored for text.
    pub(crate) fn document(self, document: &impl Serialize) {
        if self.json {
            match serde_json::to_string_pretty(document) {
                Ok(text) => exit_on_error(writeln!(anstream::stdout(), "{text}")),
                Err(error) => eprintln!("affitor: {error}"),
            }
        }
    }

    /// Prints a failure: as text on standard error, as JSON on standard output.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            self.document(&json!({ "error": failure.json() }));
            return;
        }
        let mut stderr = anstream::stderr();
        let _ = writeln!(stderr, "{RED}affitor:{RED:#} {}", failure.message);
        if let Some(hint) = failure.full_hint() {
            let _ = writeln!(stderr, "  {DIM}→{DIM:#} {hint}");
        }
    }
}

/// A line that begins with the symbol of the status.
pub(crate) fn with_symbol(status: CheckStatus, text: &str) -> String {
    let (style, symbol) = match status {
        CheckStatus::Passed => (GREEN, "✓"),
        CheckStatus::Warning => (YELLOW, "!"),
        CheckStatus::Failed => (RED, "✗"),
        CheckStatus::Waiting => (YELLOW, "…"),
        CheckStatus::Skipped => (DIM, "·"),
    };
    format!("{style}{symbol}{style:#} {text}")
}

/// Exits if the output was lost, for example on a full disk. A reader that closed the pipe has read what it wanted.
fn exit_on_error(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        eprintln!("affitor: cannot write the output: {error}");
        std::process::exit(1);
    }
}
