//! The five gates of readiness, and what to do about each.

use affitor::{
    Readiness,
    program::{Gate, GateName, GateStatus},
};

use crate::output::{Output, Sign};

/// Each gate on a line, with the mend below it where it does not pass.
pub(crate) fn say(readiness: &Readiness, output: Output) {
    let gates = &readiness.gates;
    for (name, gate) in [
        ("profile", &gates.profile),
        ("economics", &gates.economics),
        ("payout", &gates.payout),
        ("tracking", &gates.tracking),
        ("live", &gates.live),
    ] {
        let sign = match gate.status {
            Some(GateStatus::Pass) => Sign::Good,
            Some(GateStatus::Fail) => Sign::Bad,
            _ => Sign::Unsure,
        };
        let details: Vec<&str> = [&gate.mode, &gate.detail].into_iter().flatten().map(String::as_str).collect();
        let details = if details.is_empty() { String::new() } else { format!("  {}", details.join(", ")) };
        output.sign(sign, format!("{name:<9}{details}").trim_end());
        if sign != Sign::Good {
            output.mend(&mend(name, gate, readiness));
        }
    }
}

/// Whether events that are on their way can open what holds it up.
pub(crate) fn may_pass_by_itself(readiness: &Readiness) -> bool {
    matches!(readiness.blocker, None | Some(GateName::Tracking | GateName::Live))
}

fn mend(name: &str, gate: &Gate, readiness: &Readiness) -> String {
    match gate.next_action.as_deref() {
        Some("complete_program_profile") => "complete the program's profile in the dashboard".to_owned(),
        Some("set_commission_policy") => "set what a sale pays: the commission policy, in the dashboard".to_owned(),
        Some("surface_stripe_connect_url") => match &gate.endpoint {
            Some(endpoint) => {
                format!("settle how partners are paid: connect Stripe ({endpoint}), or choose to pay by hand")
            }
            None => "settle how partners are paid: connect Stripe, or choose to pay by hand".to_owned(),
        },
        Some("install_tracker_or_send_events") => {
            "put the tracker script into the site's pages, or send a first event".to_owned()
        }
        // A chain is not attributed before these pass.
        Some("run_synthetic_sale_chain") if !may_pass_by_itself(readiness) => {
            "mend what is above; then run a chain: `affitor verify`".to_owned()
        }
        Some("run_synthetic_sale_chain") => "run a chain that is attributed: `affitor verify`".to_owned(),
        Some(other) => other.replace('_', " "),
        None => format!("the service does not say why {name} does not pass"),
    }
}
