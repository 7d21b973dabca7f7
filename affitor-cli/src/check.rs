//! One thing that was looked at, and how it stands.

use serde::Serialize;

use crate::{ending::Ending, output::Sign};

#[derive(Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) result: Sign,
    /// What was found.
    pub(crate) found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mend: Option<String>,
    /// What a script is told.
    #[serde(skip)]
    pub(crate) ending: Ending,
}

impl Check {
    pub(crate) fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, result: Sign::Good, found: found.into(), mend: None, ending: Ending::Fine }
    }

    pub(crate) fn bad(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, result: Sign::Bad, found: found.into(), mend: Some(mend.into()), ending: Ending::No }
    }

    /// Strange, and perhaps right.
    pub(crate) fn unsure(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { result: Sign::Unsure, ending: Ending::Fine, ..Self::bad(name, found, mend) }
    }

    pub(crate) fn skipped(name: &'static str, why: &str) -> Self {
        Self { name, result: Sign::Skipped, found: format!("not looked at: {why}"), mend: None, ending: Ending::Fine }
    }

    pub(crate) fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }
}
