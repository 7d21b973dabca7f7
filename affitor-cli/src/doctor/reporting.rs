//! Who reports the sales of Stripe: the app, or Affitor itself. If both do, partners are paid twice.

use std::env;

use affitor::{Readiness, program::ProgramStatus};
use affitor_payments::StripeReporter;

use crate::check::Check;

/// The variable in which apps usually have the secret of their Stripe webhook.
const WEBHOOK_SECRET: &str = "STRIPE_WEBHOOK_SECRET";

/// Checks what the service says, and whether the app seems to report Stripe's payments. `variable` holds the app's webhook secret.
pub(super) fn checks(status: &ProgramStatus, readiness: &Readiness, variable: Option<&str>) -> Vec<Check> {
    let variable = variable.unwrap_or(WEBHOOK_SECRET);
    let value = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let reporter = value(variable).map(|_| value(StripeReporter::VARIABLE));
    let webhooks = webhooks(status.stripe_connected, reporter.as_ref().map(Option::as_deref), variable);
    vec![payments(status.stripe_connected, readiness.gates.payout.mode.as_deref()), webhooks]
}

fn payments(connected: bool, mode: Option<&str>) -> Check {
    const NAME: &str = "payments";
    let mode_is = mode.map_or_else(String::new, |mode| format!(" (payout mode {mode})"));
    match (connected, mode) {
        (true, _) => Check::warning(
            NAME,
            format!("Stripe is connected to the program{mode_is}, so Affitor may read its webhooks itself"),
            "if the app reports Stripe's sales too, they count twice: it creates its webhook with `StripeReporter::Affitor`, or \
             nobody has connected Stripe",
        ),
        (false, Some("stripe")) => Check::warning(
            NAME,
            format!("the app reports its sales; Stripe is not connected to the program{mode_is}"),
            "once Stripe is connected, Affitor may read its webhooks itself: then the app must not report Stripe's sales",
        ),
        (false, _) => Check::passed(NAME, format!("the app reports its sales; Stripe is not connected{mode_is}")),
    }
}

/// `reporter` is what the environment says about who reports the payments, if the app reads Stripe's webhooks.
fn webhooks(connected: bool, reporter: Option<Option<&str>>, variable: &str) -> Check {
    const NAME: &str = "webhooks";
    let name = StripeReporter::VARIABLE;
    let Some(reporter) = reporter else {
        return Check::passed(NAME, format!("{variable} is not set in this environment"));
    };
    let Some(reporter) = reporter else {
        return match connected {
            true => Check::warning(
                NAME,
                format!("{variable} is set, so the app seems to read Stripe's webhooks, which Affitor may read too"),
                format!("let one of them report Stripe's sales: {name}, or the `StripeReporter` in the app's code"),
            ),
            false => Check::passed(NAME, format!("{variable} is set, and only the app reads Stripe's webhooks")),
        };
    };
    match (reporter.parse(), connected) {
        (Ok(StripeReporter::App), true) => Check::failed(
            NAME,
            format!(
                "{name} is app, and Stripe is connected: the app holds Stripe's payments, or refuses them without a ledger"
            ),
            format!("set {name} to affitor, or to app-even-if-connected if Affitor does not read Stripe's webhooks"),
        ),
        (Ok(StripeReporter::AppEvenIfConnected), true) => Check::warning(
            NAME,
            format!("{name} is app-even-if-connected: each sale counts twice if Affitor reads Stripe's webhooks"),
            "compare the dashboard's sales with your payments",
        ),
        (Ok(StripeReporter::Affitor), false) => Check::failed(
            NAME,
            format!("{name} is affitor, and Stripe is not connected: nobody reports Stripe's payments"),
            format!("set {name} to app, or connect Stripe in Affitor's dashboard"),
        ),
        (Ok(StripeReporter::Affitor), true) => {
            Check::passed(NAME, "Affitor reads Stripe's webhooks, and the app does not")
        }
        (Ok(_), false) => Check::passed(NAME, "the app reports Stripe's payments"),
        (Err(_), _) => Check::failed(
            NAME,
            format!("{name} is none of app, affitor and app-even-if-connected"),
            "the app does not start with it",
        ),
    }
}
