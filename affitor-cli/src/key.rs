//! `affitor key rotate`: replaces a program's API key, and writes the new one where the app reads it.
//!
//! The service makes the old key invalid at once. So everything that can fail is tried before: the target is written with what it has, and
//! the space for a copy of the key is reserved.

mod management;
mod target;

use std::{env, ffi::OsString, path::PathBuf, time::Duration};

use affitor::Client;
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::time::sleep;

use self::{
    management::{Management, NewToken},
    target::Target,
};
use crate::{
    account::keys,
    check::CheckStatus,
    exit::{Exit, ExitCodes, codes},
    failure::Failure,
    output::Output,
    settings::{ProgramArgs, Settings},
    signal,
};

pub(crate) const EXIT_CODES: ExitCodes = &codes(
    "The new key is written, and the service accepts it",
    "The new key could not be written to its place: the message names the file where it is instead",
);

const MANAGEMENT_KEY: &str = "AFFITOR_MANAGEMENT_KEY";

/// Attempts to make a key, and to use it.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Replace the program's API key, and write the new one where the app reads it
    ///
    /// The old key becomes invalid immediately. Without COMMAND, the new key is written to the file that AFFITOR_API_KEY_FILE names, which
    /// running apps read again when the service rejects their key. Apps with AFFITOR_API_KEY must be restarted. With COMMAND, the key is
    /// not written to this file: COMMAND gets it on its standard input, and can write it on several machines, for example. As a rehearsal,
    /// COMMAND first gets the current key; only if that succeeds is the key replaced.
    ///
    /// AFFITOR_MANAGEMENT_KEY is the management key (`affk_…`). It needs the scopes `program:read` and `program:regenerate-token` for the
    /// program.
    #[command(after_help = crate::exit::help(EXIT_CODES))]
    Rotate(RotateArgs),
}

#[derive(Args, Debug)]
struct RotateArgs {
    #[command(flatten)]
    program: ProgramArgs,
    /// Command that gets the key on its standard input, in place of the file in AFFITOR_API_KEY_FILE
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Exit, Failure> {
    let KeyCommand::Rotate(arguments) = arguments.command;
    let settings = arguments.program.settings();
    let management = Management::new(&settings, management_key()?)?;
    let target = Target::new(&settings, arguments.command)?;
    let done = |text: String| output.status(CheckStatus::Passed, &text);

    management.require_program().await?;
    target.try_out().await?;
    done(format!("{target} can be written"));
    let space = keys::vault()?.reserve()?;

    // From here on, an interruption would lose the new key.
    signal::ignore()?;
    let NewToken { key, masked } = new_key(&management).await?;
    let program_id = management.program_id();
    let kept = keys::keep(space, management.service(), program_id, &key);
    done(format!("program {program_id} has the new key {masked}; the old one is invalid"));
    if let Err(Failure { message, .. }) = target.write(&key).await {
        return Err(unwritten(&message, kept));
    }
    accepted(&settings, &key).await.map_err(|failure| Failure {
        message: format!("{target} has the new key, but {}", failure.message),
        ..failure
    })?;
    keys::remove(management.service(), program_id)?;
    done(format!("{target} has it, and the service accepts it"));
    output.document(&json!({ "program_id": program_id, "api_key_masked": masked, "target": target.to_string() }));
    Ok(Exit::Success)
}

/// Says where the new key is, if it could not be written.
fn unwritten(reason: &str, kept: Result<PathBuf, Failure>) -> Failure {
    let (place, hint) = match kept {
        Ok(path) => (
            format!("It is in {}, which only you can read", path.display()),
            "write its `api_key` where the app reads it; or correct the target, and run the command again for another key",
        ),
        Err(failure) => (
            format!("It could not be kept either: {}", failure.message),
            "run the command again for another key, or make one in the dashboard",
        ),
    };
    Failure::new(
        Exit::Failed,
        format!("{reason}. The old key is invalid, and the new one is not written. {place}"),
        hint,
    )
}

fn management_key() -> Result<SecretString, Failure> {
    let key = env::var(MANAGEMENT_KEY).unwrap_or_default();
    let key = key.trim();
    if key.is_empty() {
        let hint =
            "make a management key in the dashboard, with the scopes `program:read` and `program:regenerate-token`";
        return Err(Failure::usage(format!("{MANAGEMENT_KEY} is not set"), hint));
    }
    if !key.starts_with("affk_") || !keys::is_key(key) {
        let message = format!("{MANAGEMENT_KEY} is not a management key: they begin with affk_");
        return Err(Failure::usage(message, "a program's key can't replace itself"));
    }
    Ok(key.into())
}

/// Makes a key. If the response is lost, another one is made, since nobody knows the first.
async fn new_key(management: &Management<'_>) -> Result<NewToken, Failure> {
    let mut attempt = 1;
    loop {
        match management.regenerate().await {
            Ok(new) => return Ok(new),
            Err(error) if error.is_transient && attempt < ATTEMPTS => {
                sleep(error.failure.retry_after.unwrap_or(PAUSE * attempt)).await;
                attempt += 1;
            }
            Err(error) => {
                let failure = error.failure;
                if matches!(failure.exit, Exit::KeyRejected | Exit::Usage) {
                    return Err(failure);
                }
                let hint = "the old key may be invalid already: run the command again, or make a key in the dashboard";
                return Err(Failure { hint: Some(hint.to_owned()), ..failure });
            }
        }
    }
}

/// Waits until the service accepts a key.
async fn accepted(settings: &Settings, key: &SecretString) -> Result<(), Failure> {
    let client = Client::builder().api_url(settings.url.value()).api_key(key.expose_secret()).build();
    let client = client.map_err(|error| settings.failure(&error))?;
    let mut attempt = 1;
    loop {
        match client.readiness().await {
            Ok(_) => return Ok(()),
            Err(_) if attempt < ATTEMPTS => {
                sleep(PAUSE * attempt).await;
                attempt += 1;
            }
            Err(error) => {
                let failure = settings.failure(&error);
                let hint = "if somebody else replaces the key at the same time, run the command again";
                return Err(Failure { hint: Some(hint.to_owned()), ..failure });
            }
        }
    }
}
