//! The report: a line per check, then what was found.

use serde_json::json;

use super::finding::Finding;
use crate::{
    check::{Check, CheckStatus},
    exit::Exit,
    format::count,
    output::{DIM, GREEN, Output, RED, YELLOW, with_symbol},
};

/// Collects the checks, and prints each when it is done.
#[derive(Debug)]
pub(crate) struct Report {
    output: Output,
    checks: Vec<Check>,
    findings: Vec<Finding>,
    /// Whether a line could not be printed.
    is_lost: bool,
}

impl Report {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, checks: Vec::new(), findings: Vec::new(), is_lost: false }
    }

    pub(crate) fn passed(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(Check::passed(name, message));
    }

    pub(crate) fn waiting(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(Check::waiting(name, message));
    }

    /// Something worth knowing, but no mistake.
    pub(crate) fn warning(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(Check { status: CheckStatus::Warning, ..Check::passed(name, message) });
    }

    pub(crate) fn skipped(&mut self, names: &[&'static str], reason: &str) {
        for name in names {
            self.add(Check::skipped(name, reason));
        }
    }

    /// Says why something was not checked, or has no meaning.
    pub(crate) fn note(&mut self, names: &[&'static str], message: &str) {
        for name in names {
            self.add(Check { status: CheckStatus::Skipped, ..Check::passed(name, message) });
        }
    }

    pub(crate) fn failed(&mut self, name: &'static str, finding: Finding) {
        // One cause is one finding, wherever it shows.
        if self.findings.iter().any(|known| known.id == finding.id && known.hint == finding.hint) {
            self.skipped(&[name], "the finding above explains it");
            return;
        }
        self.add(Check::failed(name, &finding.message, &finding.hint));
        self.line(&format!("    {DIM}more{DIM:#}    {}", finding.explain));
        self.findings.push(finding);
    }

    /// Returns whether there is a finding with this id.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.findings.iter().any(|finding| finding.id == id)
    }

    pub(crate) fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    /// Returns the status of the check with this name, if it is done.
    pub(crate) fn status(&self, name: &str) -> Option<CheckStatus> {
        self.checks.iter().find(|check| check.name == name).map(|check| check.status)
    }

    fn add(&mut self, check: Check) {
        self.line(&with_symbol(check.status, &format!("{:<24}{}", check.name, check.message)));
        if let Some(hint) = &check.hint {
            self.line(&format!("    {DIM}likely{DIM:#}  {hint}"));
        }
        self.checks.push(check);
    }

    fn count(&self, status: CheckStatus) -> usize {
        self.checks.iter().filter(|check| check.status == status).count()
    }

    /// Prints a line. That it can't be printed is reported at the end, when the app is stopped.
    fn line(&mut self, text: &str) {
        self.is_lost |= self.output.try_line(text).is_err();
    }

    /// Prints the summary, and returns the exit code.
    pub(crate) fn finish(self) -> Exit {
        let waiting = self.count(CheckStatus::Waiting);
        let exit = match (self.findings.len(), waiting) {
            _ if self.is_lost => Exit::Failed,
            (0, 0) => Exit::Success,
            (0, _) => Exit::RetryLater,
            _ => Exit::Failed,
        };
        let skipped = match self.count(CheckStatus::Skipped) {
            0 => String::new(),
            count => format!(", {count} skipped"),
        };
        let warnings = match self.count(CheckStatus::Warning) {
            0 => String::new(),
            found => format!(", {}", count(found, "warning")),
        };
        let skipped = warnings + &skipped;
        self.output.line(&match (self.findings.len(), waiting) {
            (0, 0) => format!("{GREEN}proved{GREEN:#}: no problem found{skipped}"),
            (0, _) => format!(
                "{YELLOW}not proved yet{YELLOW:#}: {waiting} still waiting{skipped}; retry with a longer --wait"
            ),
            (1, _) => format!("{RED}1 problem found{RED:#}{skipped}"),
            (found, _) => format!("{RED}{found} problems found{RED:#}{skipped}"),
        });
        self.output.document(&json!({
            "proved": exit == Exit::Success,
            "checks": self.checks,
            "findings": self.findings,
        }));
        exit
    }
}
