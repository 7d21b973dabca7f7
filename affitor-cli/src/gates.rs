//! The five readiness gates, and how to pass each.

use affitor::{
    Readiness,
    program::{Gate, GateName, GateStatus},
};

use crate::{check::CheckStatus, output::Output};

/// Prints each gate, with a hint for those that do not pass.
pub(crate) fn print(readiness: &Readiness, output: Output) {
    for (name, gate) in all(readiness) {
        let (status, details) = (status(gate), details(gate));
        let separator = if details.is_empty() { "" } else { "  " };
        output.status(status, format!("{name:<9}{separator}{details}").trim_end());
        if status != CheckStatus::Passed {
            output.hint(&hint(name, gate, readiness));
        }
    }
}

/// The gates with their names, in the order in which they are passed.
pub(crate) fn all(readiness: &Readiness) -> [(&'static str, &Gate); 5] {
    let gates = &readiness.gates;
    [
        ("profile", &gates.profile),
        ("economics", &gates.economics),
        ("payout", &gates.payout),
        ("tracking", &gates.tracking),
        ("live", &gates.live),
    ]
}

pub(crate) fn status(gate: &Gate) -> CheckStatus {
    match gate.status {
        Some(GateStatus::Pass) => CheckStatus::Passed,
        Some(GateStatus::Fail) => CheckStatus::Failed,
        _ => CheckStatus::Warning,
    }
}

/// The payout mode, or how the service knows that events arrive.
pub(crate) fn details(gate: &Gate) -> String {
    [&gate.mode, &gate.detail].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Whether the first gate that does not pass depends only on events, which may still arrive.
pub(crate) fn may_pass_without_changes(readiness: &Readiness) -> bool {
    matches!(readiness.blocker, None | Some(GateName::Tracking | GateName::Live))
}

/// How to pass a gate.
pub(crate) fn hint(name: &str, gate: &Gate, readiness: &Readiness) -> String {
    match gate.next_action.as_deref() {
        Some("complete_program_profile") => "complete the program's profile in the dashboard".to_owned(),
        Some("set_commission_policy") => "set the commission policy (what a sale pays) in the dashboard".to_owned(),
        Some("surface_stripe_connect_url") => match &gate.endpoint {
            Some(endpoint) => format!("set up partner payouts: connect Stripe ({endpoint}), or choose manual payouts"),
            None => "set up partner payouts: connect Stripe, or choose manual payouts".to_owned(),
        },
        Some("install_tracker_or_send_events") => {
            "install the tracker script on the site, or send a first event".to_owned()
        }
        // A chain is only attributed once the earlier gates pass.
        Some("run_synthetic_sale_chain") if !may_pass_without_changes(readiness) => {
            "fix the problems above, then run a test chain with `affitor test chain`".to_owned()
        }
        Some("run_synthetic_sale_chain") => "run a test chain with `affitor test chain`".to_owned(),
        Some(other) => other.replace('_', " "),
        None => format!("the service gives no reason why {name} does not pass"),
    }
}
