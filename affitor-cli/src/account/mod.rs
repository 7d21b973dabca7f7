//! `affitor login`, `logout`, `whoami` and `programs`: the session of a person. Its token is bound to the URL of the service that
//! issued it.

pub(crate) mod api;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod programs;
pub(crate) mod session;
mod vault;

use std::time::Duration;

use clap::{Args, builder::RangedI64ValueParser};
use serde_json::json;

use self::{
    api::Api,
    login::{LoginOptions, is_interactive},
    session::Session,
};
use crate::{
    check::CheckStatus,
    exit::{Exit, ExitCodes},
    failure::Failure,
    output::Output,
    sanitize::printable,
    settings::ServiceArgs,
};

const NOT_LOGGED_IN: &str = "Not logged in to this service, or the service does not accept the login";

pub(crate) const LOGIN_EXIT_CODES: ExitCodes = &[
    (Exit::Success, "Logged in"),
    (Exit::Failed, "The login was cancelled, has expired, or was not confirmed in time"),
    (Exit::Usage, Exit::Usage.meaning()),
    (Exit::Unreachable, Exit::Unreachable.meaning()),
    (Exit::RetryLater, Exit::RetryLater.meaning()),
];

pub(crate) const LOGOUT_EXIT_CODES: ExitCodes =
    &[(Exit::Success, "Logged out, or nobody was logged in"), (Exit::Usage, Exit::Usage.meaning())];

pub(crate) const WHOAMI_EXIT_CODES: ExitCodes = &[
    (Exit::Success, "Logged in at this service"),
    (Exit::Usage, Exit::Usage.meaning()),
    (Exit::KeyRejected, "Not logged in to this service"),
];

pub(crate) const PROGRAMS_EXIT_CODES: ExitCodes = &[
    (Exit::Success, "The programs were listed"),
    (Exit::Usage, Exit::Usage.meaning()),
    (Exit::Unreachable, Exit::Unreachable.meaning()),
    (Exit::KeyRejected, NOT_LOGGED_IN),
    (Exit::RetryLater, Exit::RetryLater.meaning()),
];

/// Flags of `logout`, `whoami` and `programs`.
#[derive(Args, Debug)]
pub(crate) struct AccountArgs {
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Print the page's URL, but open no browser. Required without a terminal
    #[arg(long)]
    no_browser: bool,
    /// Maximum time to wait for the confirmation, in seconds
    #[arg(
        long,
        default_value_t = 600,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        value_parser = RangedI64ValueParser::<u64>::new().range(1..=3600),
    )]
    timeout: u64,
}

pub(crate) async fn log_in(arguments: &LoginArgs, output: Output) -> Result<Exit, Failure> {
    let settings = arguments.service.settings();
    let api = Api::new(&settings)?;
    if !arguments.no_browser && !is_interactive(output) {
        return Err(Failure::usage(
            "a login needs a person, and this is not a terminal",
            "with --no-browser, the command prints the page's URL and waits until somebody confirms it",
        ));
    }
    let options = LoginOptions {
        open_browser: !arguments.no_browser,
        quiet_stdout: false,
        wait: Duration::from_secs(arguments.timeout),
    };
    let session = login::login(&api, options, output).await?;
    let email = session.email.as_deref().map(printable);
    output.document(&json!({ "logged_in": true, "email": email, "service": session.service() }));
    output.status(CheckStatus::Passed, &format!("logged in at {} as {}", session.service(), shown(email)));
    Ok(Exit::Success)
}

pub(crate) fn log_out(arguments: &AccountArgs, output: Output) -> Result<Exit, Failure> {
    let settings = arguments.service.settings();
    let api = Api::new(&settings)?;
    let was_logged_in = Session::remove(&api.base)?;
    output.document(&json!({ "was_logged_in": was_logged_in, "service": api.service() }));
    output.line(&if was_logged_in {
        format!("logged out at {}", api.service())
    } else {
        format!("nobody was logged in at {}", api.service())
    });
    Ok(Exit::Success)
}

/// Shows the stored session. The service is not asked.
pub(crate) fn who_am_i(arguments: &AccountArgs, output: Output) -> Result<Exit, Failure> {
    let settings = arguments.service.settings();
    let api = Api::new(&settings)?;
    let session = session_or_failure(&api)?;
    let email = session.email.as_deref().map(printable);
    output.document(&json!({ "email": email, "service": session.service() }));
    output.line(&format!("{} at {}", shown(email), session.service()));
    Ok(Exit::Success)
}

fn shown(email: Option<String>) -> String {
    email.unwrap_or_else(|| "(no e-mail address)".to_owned())
}

/// The stored session at this service.
///
/// # Errors
///
/// Returns a failure if nobody is logged in there.
pub(crate) fn session_or_failure(api: &Api<'_>) -> Result<Session, Failure> {
    match Session::load(&api.base)? {
        Some(session) => Ok(session),
        None => Err(not_logged_in(api)),
    }
}

fn not_logged_in(api: &Api<'_>) -> Failure {
    let service = api.service();
    let elsewhere = session::vault().map(|vault| vault.names().len()).unwrap_or_default();
    let note = if elsewhere > 0 { " (you are logged in at another service; see --api-url)" } else { "" };
    Failure::new(
        Exit::KeyRejected,
        format!("not logged in at {service}"),
        format!(
            "run `affitor login{}`{note}; or, without an account, start `affitor sandbox` and set the variables that it prints: AFFITOR_API_KEY takes the place of the login",
            api.settings.url_arguments()
        ),
    )
}
