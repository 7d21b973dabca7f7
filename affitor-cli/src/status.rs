//! `affitor status`: shows the program's health.

use clap::Args;
use serde_json::json;

use crate::{
    exit::{self, Exit, ExitCodes},
    failure::Failure,
    format::count,
    gates,
    output::{BOLD, Output},
    sanitize::sanitized,
    settings::ConnectionArgs,
};

pub(crate) const EXIT_CODES: ExitCodes =
    &exit::codes("The service responded, even if gates do not pass", "The service does not know the program");

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Exit, Failure> {
    let settings = arguments.connection.settings();
    let client = settings.client()?;
    let readiness = sanitized(client.readiness().await.map_err(|error| settings.failure(&error))?, settings.secret());
    // Without a program id in the settings, use that of the key.
    let client = match (client.program_id(), &readiness.program_id) {
        (None, Some(id)) => settings.build(settings.builder()?.program_id(id))?,
        _ => client,
    };
    let status = sanitized(client.status().await.map_err(|error| settings.failure(&error))?, settings.secret());
    output.document(&json!({ "status": status, "readiness": readiness }));

    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    output.line(&format!(
        "{BOLD}{}{BOLD:#} (program {}), {}, {}",
        text(&status.name),
        text(&status.program_id),
        text(&status.domain),
        readiness.state
    ));
    let events = &status.recent_events;
    output.line(&format!(
        "last 24 hours: {}, {}, {} (without test events)",
        count(events.clicks_24h, "click"),
        count(events.leads_24h, "lead"),
        count(events.sales_24h, "sale")
    ));
    output.line(&format!(
        "active partners: {}, pending commissions: {}",
        status.active_partners, status.pending_commissions
    ));
    gates::print(&readiness, output);
    if status.stripe_connected {
        output.line("note: Stripe is connected; if Affitor reads its webhooks, do not track the same sales yourself");
    }
    Ok(Exit::Success)
}
