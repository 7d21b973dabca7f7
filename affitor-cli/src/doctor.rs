//! `affitor doctor`: checks everything that a request depends on, in order, and suggests a fix for each problem.

mod app;
mod clock;
mod key_age;
#[cfg(feature = "outbox")]
mod ledger;
mod live;
mod network;
mod reporting;
mod service;
mod site;

use affitor::{Readiness, program::ProgramStatus};
use clap::Args;
use jiff::Timestamp;
use reqwest::Url;
use serde_json::json;

use crate::{
    check::{Check, CheckStatus},
    exit::{self, Exit, ExitCodes},
    failure::Failure,
    output::Output,
    progress::Progress,
    prove::config::Config,
    sanitize::sanitized,
    settings::{ConnectionArgs, Setting, Settings},
};
use site::{Expected, Site};

const EXIT_CODES: ExitCodes = &exit::codes(
    "No problem found (there may be warnings)",
    "The key belongs to another program, the clock is wrong, or a check of --site or --live failed",
);

pub(crate) fn exit_codes_help() -> String {
    format!("{}\n\nIf there are several problems, the exit code is that of the first.", exit::help(EXIT_CODES))
}

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// URL of the site's landing page, with a partner's code: also check redirects, the tracker, cookies and caches. Only this page
    /// is requested. If your server reports clicks itself, this request is reported as a click
    #[arg(long, value_name = "URL")]
    site: Option<String>,
    /// Host of the app, if it differs from the landing page's host: check that the app gets the click id. May be repeated
    #[arg(long = "app-host", value_name = "HOST", requires = "site")]
    app_hosts: Vec<String>,
    /// Also check what must be done before going live
    #[arg(long)]
    live: bool,
    #[cfg(feature = "outbox")]
    #[command(flatten)]
    database: crate::database::DatabaseArgs,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Exit, Failure> {
    let site = arguments.site.as_deref().map(|url| Site::new(url, &arguments.app_hosts)).transpose()?;
    let progress = Progress::start("checking the settings and the service", output);
    let config = app::config();
    let settings = match &config {
        Ok(Some(config)) => arguments.connection.settings_of_app(|name| config.own_variable(name)),
        _ => arguments.connection.settings(),
    };
    let key = settings.check_key();
    // A malformed key is never sent.
    let usable_key = settings.key.as_ref().filter(|_| key.status != CheckStatus::Failed);
    let mut checks = vec![key];
    checks.extend(app::tls());
    let config = match config {
        Ok(config) => config,
        Err(check) => {
            checks.push(check);
            None
        }
    };
    checks.extend(config.as_ref().and_then(app::webhook));
    let (check, url) = settings.check_url();
    checks.push(check);
    checks.push(settings.check_program_id());
    let mut readiness = None;
    match &url {
        Some(url) => {
            let (found, accepted) = network::checks(&settings, usable_key, url).await;
            checks.extend(found);
            readiness = accepted;
        }
        None => checks.push(Check::skipped("address", "the URL is invalid")),
    }
    checks.extend(program_checks(arguments, &settings, url.as_ref(), readiness.as_ref(), config.as_ref()).await);
    match &site {
        Some(site) => {
            progress.set("opening the site");
            let of_key = readiness.as_ref().and_then(|readiness| readiness.program_id.as_deref());
            let program_id = of_key.or_else(|| settings.program_id.as_ref().map(Setting::value));
            checks.extend(site.checks(&Expected { program_id, api: url.as_ref() }).await);
        }
        None if arguments.live => checks.push(Check::warning(
            "landing",
            "not checked",
            "add --site with the URL of a landing page, such as https://www.shop.example/?aff=PARTNER123",
        )),
        None => {}
    }
    drop(progress);
    Ok(print(&checks, output))
}

/// Checks what the service says about the program, if it accepted the key.
async fn program_checks(
    arguments: &Arguments,
    settings: &Settings,
    url: Option<&Url>,
    readiness: Option<&Readiness>,
    config: Option<&Config>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut connected = None;
    if let Some(url) = url.filter(|_| arguments.live) {
        checks.push(live::service(url));
    }
    if let Some(readiness) = readiness {
        checks.push(key_age::check(readiness, Timestamp::now()));
        let status = program_status(settings, readiness).await;
        match &status {
            Ok(status) => {
                connected = Some(status.stripe_connected);
                checks.extend(reporting::checks(status, readiness, config.and_then(app::stripe_secret)));
            }
            Err(failure) => checks.push(Check::skipped("payments", &failure.message)),
        }
        if arguments.live {
            checks.extend(live::gates(readiness));
            checks.extend(status.iter().flat_map(live::program));
        }
    }
    #[cfg(feature = "outbox")]
    if arguments.live || arguments.database.is_set() {
        checks.push(ledger::check(arguments.database.clone(), connected).await);
    }
    #[cfg(not(feature = "outbox"))]
    let _ = connected;
    checks
}

async fn program_status(settings: &Settings, readiness: &Readiness) -> Result<ProgramStatus, Failure> {
    let mut builder = settings.builder()?;
    if let (None, Some(id)) = (&settings.program_id, &readiness.program_id) {
        builder = builder.program_id(id);
    }
    let status = settings.build(builder)?.status().await.map_err(|error| settings.failure(&error))?;
    Ok(sanitized(status, settings.secret()))
}

fn print(checks: &[Check], output: Output) -> Exit {
    let failed = checks.iter().filter(|check| check.status == CheckStatus::Failed).count();
    let exit = checks.iter().map(|check| check.exit).find(|exit| *exit != Exit::Success).unwrap_or(Exit::Success);
    output.document(&json!({ "healthy": exit == Exit::Success, "checks": checks }));
    let longest = checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    let width = longest.max(8) + 1;
    for check in checks {
        output.status(check.status, &format!("{:<width$}{}", check.name, check.message));
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
    exit
}
