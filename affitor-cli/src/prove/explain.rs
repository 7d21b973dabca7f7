//! `affitor prove --explain`: what a finding means, and how to fix it.

use super::finding::FindingId;
use crate::{exit::Exit, output::Output};

/// The sections of the guide on findings, copied by a test.
const FINDINGS: &str = include_str!("findings.md");

/// Returns the section of a finding: its heading, and the text below it.
fn section(id: &str) -> Option<&'static str> {
    FINDINGS.split("\n### ").find(|section| section.split(':').next() == Some(id)).map(str::trim_end)
}

/// Prints what a finding means.
pub(super) fn explain(id: FindingId, output: Output) -> Exit {
    let text = section(id.as_str()).unwrap_or_default();
    output.line(text);
    output.document(&serde_json::json!({ "id": id.as_str(), "explanation": text }));
    Exit::Success
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_a_section() {
        for id in FindingId::ALL {
            let section = section(id.as_str()).unwrap_or_else(|| panic!("{id:?} has no section"));
            assert!(section.contains("Meaning.") && section.contains("Fix."), "{section}");
            for foreign in ["](", "<a id", "\n# "] {
                assert!(!section.contains(foreign), "{section}");
            }
        }
    }
}
