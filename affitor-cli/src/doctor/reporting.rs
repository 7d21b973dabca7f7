//! Who reports the sales of Stripe: the app, or Affitor itself.

use crate::{check::Check, settings::Settings};

const NAME: &str = "payments";

/// Asks the service whether it reads Stripe's webhooks itself. Returns nothing if it can't be asked: another check says why.
pub(super) async fn check(settings: &Settings) -> Option<Check> {
    let client = settings.client().ok()?;
    let client = match client.program_id() {
        Some(_) => client,
        None => {
            let program = client.readiness().await.ok()?.program_id?;
            settings.build(settings.builder().ok()?.program_id(program)).ok()?
        }
    };
    let status = client.status().await.ok()?;
    status.stripe_connected.then(|| {
        Check::warning(
            NAME,
            "Stripe is connected to the program, so Affitor may read its webhooks itself",
            "if the app reports Stripe's sales too, they count twice: set `Webhook::read_by_affitor`, or run \
             `affitor payments release`",
        )
    })
}
