//! `affitor status`: the program's health.

use clap::Args;
use serde_json::json;

use crate::{
    connection::Connection,
    ending::{Ending, Failure},
    gates,
    output::{Output, STRONG, Sign, cleaned, count},
};

pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  the service has answered, also where gates fail
  1  the service knows no such program
  2 to 5 as `affitor --help` says";

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Ending, Failure> {
    let settings = arguments.connection.settings();
    let client = settings.client()?;
    let readiness = cleaned(client.readiness().await.map_err(|error| settings.explain(&error))?, settings.secret());
    // The key knows its program.
    let client = match (client.program_id(), &readiness.program_id) {
        (None, Some(id)) => settings.build(settings.builder()?.program_id(id))?,
        _ => client,
    };
    let status = cleaned(client.status().await.map_err(|error| settings.explain(&error))?, settings.secret());
    output.document(&json!({ "status": status, "readiness": readiness }));

    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    output.line(&format!(
        "{STRONG}{}{STRONG:#} (program {}), {}, {}",
        text(&status.name),
        text(&status.program_id),
        text(&status.domain),
        readiness.state
    ));
    let events = &status.recent_events;
    output.line(&format!(
        "last 24 hours: {}, {}, {} (test events don't count)",
        count(events.clicks_24h, "click"),
        count(events.leads_24h, "lead"),
        count(events.sales_24h, "sale")
    ));
    output.line(&format!(
        "active partners: {}, pending commissions: {}",
        status.active_partners, status.pending_commissions
    ));
    gates::say(&readiness, output);
    if status.stripe_connected {
        output.sign(
            Sign::Skipped,
            "Stripe is connected: where Affitor reads its webhooks, don't track the same sales yourself",
        );
    }
    Ok(Ending::Fine)
}
