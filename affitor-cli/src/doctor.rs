//! `affitor doctor`: checks everything that a request depends on, in order, and suggests a fix for each problem.

mod network;
mod reporting;
mod service;

use clap::Args;
use serde_json::json;

use crate::{
    check::{Check, CheckStatus},
    exit::{self, Exit, ExitCodes},
    failure::Failure,
    output::Output,
    settings::ConnectionArgs,
};

const EXIT_CODES: ExitCodes = &exit::codes(
    "No problem found (there may be warnings)",
    "The key belongs to another program, or the clock is wrong",
);

pub(crate) fn exit_codes_help() -> String {
    format!("{}\n\nIf there are several problems, the exit code is that of the first.", exit::help(EXIT_CODES))
}

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Exit, Failure> {
    let settings = arguments.connection.settings();
    let key = settings.check_key();
    // A malformed key is never sent.
    let usable_key = settings.key.as_ref().filter(|_| key.status != CheckStatus::Failed);
    let mut checks = vec![key];
    let (check, url) = settings.check_url();
    checks.push(check);
    checks.push(settings.check_program_id());
    match url {
        Some(url) => checks.extend(network::checks(&settings, usable_key, &url).await),
        None => checks.push(Check::skipped("address", "the URL is invalid")),
    }
    if checks.iter().all(|check| check.status != CheckStatus::Failed) {
        checks.extend(reporting::check(&settings).await);
    }

    let failed = checks.iter().filter(|check| check.status == CheckStatus::Failed).count();
    let exit = checks.iter().map(|check| check.exit).find(|exit| *exit != Exit::Success).unwrap_or(Exit::Success);
    output.document(&json!({ "healthy": exit == Exit::Success, "checks": checks }));
    for check in &checks {
        output.status(check.status, &format!("{:<9}{}", check.name, check.message));
        if let Some(hint) = &check.hint {
            output.hint(hint);
        }
    }
    output.line(&match (failed, exit) {
        (0, Exit::Success) => "no problem found".to_owned(),
        (0, _) => "no problem found, but some checks could not be completed".to_owned(),
        (1, _) => "1 problem found".to_owned(),
        _ => format!("{failed} problems found; fix the first one first"),
    });
    Ok(exit)
}
