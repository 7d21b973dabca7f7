//! Who reports the sales of Stripe: the app, or Affitor itself. If both do, partners are paid twice.

use std::env;

use affitor::{Readiness, program::ProgramStatus};

use crate::check::Check;

/// The variable in which apps usually have the secret of their Stripe webhook.
const WEBHOOK_SECRET: &str = "STRIPE_WEBHOOK_SECRET";

/// Checks what the service says, and whether the app seems to read Stripe's webhooks.
pub(super) fn checks(status: &ProgramStatus, readiness: &Readiness, variable: Option<&str>) -> Vec<Check> {
    let variable = variable.unwrap_or(WEBHOOK_SECRET);
    let has_secret = env::var(variable).is_ok_and(|secret| !secret.trim().is_empty());
    let webhooks = webhooks(status, has_secret, variable);
    vec![payments(status.stripe_connected, readiness.gates.payout.mode.as_deref()), webhooks]
}

fn payments(connected: bool, mode: Option<&str>) -> Check {
    const NAME: &str = "payments";
    let mode_is = mode.map_or_else(String::new, |mode| format!(" (payout mode {mode})"));
    match (connected, mode) {
        (true, _) => Check::warning(
            NAME,
            format!("Stripe is connected to the program{mode_is}, so Affitor may read its webhooks itself"),
            "if the app reports Stripe's sales too, they count twice: set `Webhook::read_by_affitor`, or run \
             `affitor payments reporter`",
        ),
        (false, Some("stripe")) => Check::warning(
            NAME,
            format!("the app reports its sales; Stripe is not connected to the program{mode_is}"),
            "once Stripe is connected, Affitor may read its webhooks itself: then the app must not report Stripe's sales",
        ),
        (false, _) => Check::passed(NAME, format!("the app reports its sales; Stripe is not connected{mode_is}")),
    }
}

fn webhooks(status: &ProgramStatus, has_secret: bool, variable: &str) -> Check {
    const NAME: &str = "webhooks";
    match (has_secret, status.stripe_connected) {
        (true, true) => Check::warning(
            NAME,
            format!("{variable} is set, so the app seems to read Stripe's webhooks, which Affitor may read too"),
            "let one of them report Stripe's sales: `Webhook::read_by_affitor` decides it in the app",
        ),
        (true, false) => Check::passed(NAME, format!("{variable} is set, and only the app reads Stripe's webhooks")),
        (false, _) => Check::passed(NAME, format!("{variable} is not set in this environment")),
    }
}
