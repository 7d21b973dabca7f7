//! The report: a line per check, then what was found.

use serde::Serialize;
use serde_json::json;

use super::finding::Finding;
use crate::{
    exit::Exit,
    output::{DIM, GREEN, Output, RED, YELLOW},
};

/// Result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Passed,
    Failed,
    /// Something that the app has accepted has not arrived yet.
    Waiting,
    /// Worth knowing, but no mistake.
    Note,
    NotChecked,
}

#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    status: Status,
    message: String,
}

/// Collects the checks, and prints each when it is done.
#[derive(Debug)]
pub(crate) struct Report {
    output: Output,
    lines: Vec<Line>,
    findings: Vec<Finding>,
    /// Whether a line could not be printed.
    is_lost: bool,
}

impl Report {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, lines: Vec::new(), findings: Vec::new(), is_lost: false }
    }

    pub(crate) fn passed(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Status::Passed, message.into());
    }

    pub(crate) fn waiting(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Status::Waiting, message.into());
    }

    pub(crate) fn note(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Status::Note, message.into());
    }

    pub(crate) fn not_checked(&mut self, names: &[&'static str], reason: &str) {
        for name in names {
            self.add(name, Status::NotChecked, format!("not checked: {reason}"));
        }
    }

    pub(crate) fn failed(&mut self, name: &'static str, finding: Finding) {
        self.add(name, Status::Failed, finding.message.clone());
        self.line(&format!("    {DIM}likely{DIM:#}  {}", finding.reason));
        self.line(&format!("    {DIM}see{DIM:#}     {}", finding.documentation));
        self.findings.push(finding);
    }

    /// Returns whether there is a finding with this id.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.findings.iter().any(|finding| finding.id == id)
    }

    fn add(&mut self, name: &'static str, status: Status, message: String) {
        let (style, symbol) = match status {
            Status::Passed => (GREEN, "✓"),
            Status::Failed => (RED, "✗"),
            Status::Waiting => (YELLOW, "…"),
            Status::Note => (YELLOW, "!"),
            Status::NotChecked => (DIM, "·"),
        };
        self.line(&format!("{style}{symbol}{style:#} {name:<24}{message}"));
        self.lines.push(Line { name, status, message });
    }

    /// Prints a line. That it can't be printed is reported at the end, when the app is stopped.
    fn line(&mut self, text: &str) {
        self.is_lost |= self.output.try_line(text).is_err();
    }

    /// Prints the summary, and returns the exit code.
    pub(crate) fn finish(self) -> Exit {
        let waiting = self.lines.iter().filter(|line| line.status == Status::Waiting).count();
        let exit = match (self.findings.len(), waiting) {
            _ if self.is_lost => Exit::Failed,
            (0, 0) => Exit::Success,
            (0, _) => Exit::RetryLater,
            _ => Exit::Failed,
        };
        let skipped = self.lines.iter().filter(|line| line.status == Status::NotChecked).count();
        let not_checked = if skipped == 0 { String::new() } else { format!(", {skipped} not checked") };
        self.output.line(&match (self.findings.len(), waiting) {
            (0, 0) => format!("{GREEN}proved{GREEN:#}: no problem found{not_checked}"),
            (0, _) => format!(
                "{YELLOW}not proved yet{YELLOW:#}: {waiting} still waiting{not_checked}; retry with a longer --wait"
            ),
            (1, _) => format!("{RED}1 problem found{RED:#}{not_checked}"),
            (found, _) => format!("{RED}{found} problems found{RED:#}{not_checked}"),
        });
        self.output.document(&json!({
            "proved": exit == Exit::Success,
            "checks": self.lines,
            "findings": self.findings,
        }));
        exit
    }
}
