//! `affitor status`: the program's health.

use clap::Args;
use serde_json::json;

use crate::{
    connection::Connection,
    ending::{Ending, Failure},
    gates,
    output::{Output, STRONG, Sign},
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Ending, Failure> {
    let client = arguments.connection.client()?;
    let readiness = client.readiness().await?;
    // The key knows its program.
    let client = match (client.program_id(), &readiness.program_id) {
        (None, Some(id)) => arguments.connection.builder()?.program_id(id).build()?,
        _ => client,
    };
    let status = client.status().await?;
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
        "last 24 hours: {} clicks, {} leads, {} sales",
        events.clicks_24h, events.leads_24h, events.sales_24h
    ));
    output.line(&format!(
        "active partners: {}, pending commissions: {}",
        status.active_partners, status.pending_commissions
    ));
    gates::say(&readiness, output);
    if status.stripe_connected {
        output.sign(
            Sign::Unsure,
            "Stripe is connected: Affitor reads its webhooks, so don't track the same sales yourself",
        );
    }
    Ok(Ending::Fine)
}
