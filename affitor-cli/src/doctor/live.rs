//! What must be done before an integration goes live.

use affitor::{Readiness, program::ProgramStatus};
use reqwest::Url;

use crate::{
    check::{Check, CheckStatus},
    format::count,
    gates,
    url::is_loopback,
};

/// Checks that the settings are those of the real service.
pub(super) fn service(url: &Url) -> Check {
    const NAME: &str = "real-service";
    if is_loopback(url) {
        return Check::failed(NAME, "the URL is a sandbox on this machine", "set AFFITOR_API_URL to the service's URL");
    }
    Check::passed(NAME, format!("{} is not on this machine", url.host_str().unwrap_or_default()))
}

/// Checks the five gates of readiness.
pub(super) fn gates(readiness: &Readiness) -> Vec<Check> {
    let gates = gates::all(readiness).into_iter().map(|(name, gate)| {
        let (status, details) = (gates::status(gate), gates::details(gate));
        match status {
            CheckStatus::Passed => Check::passed(name, if details.is_empty() { "passes".to_owned() } else { details }),
            CheckStatus::Failed => Check::failed(name, "does not pass", gates::hint(name, gate, readiness)),
            _ => Check::warning(name, "not known yet", gates::hint(name, gate, readiness)),
        }
    });
    gates.collect()
}

/// Checks the program's domain and partners.
pub(super) fn program(status: &ProgramStatus) -> Vec<Check> {
    let domain = status.domain.as_deref().unwrap_or("?");
    vec![
        if status.dns_verified {
            Check::passed("domain", format!("{domain} is verified"))
        } else {
            Check::warning("domain", format!("{domain} is not verified"), "verify it in the program's settings")
        },
        if status.active_partners > 0 {
            Check::passed("partners", count(status.active_partners, "active partner"))
        } else {
            Check::warning("partners", "no active partner", "invite one, or nothing can be attributed")
        },
    ]
}
