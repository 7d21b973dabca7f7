//! The `affitor` command. The README describes its subcommands, output and exit codes.

mod check;
mod client_error;
#[cfg(feature = "outbox")]
mod database;
mod diagnosis;
mod doctor;
mod exit;
mod failure;
mod format;
mod gates;
#[cfg(feature = "outbox")]
mod outbox;
mod output;
#[cfg(feature = "outbox")]
mod payments;
mod prove;
mod proxy;
#[cfg(feature = "outbox")]
mod redact;
mod sandbox;
mod sanitize;
mod settings;
mod signal;
mod status;
mod test_event;
mod url;
mod verify;

use std::{env, process::ExitCode};

use clap::{Parser, Subcommand};
use exit::Exit;
use failure::Failure;
use output::Output;

/// Tools for Affitor integrations: a local sandbox, test events and diagnostics
#[derive(Debug, Parser)]
#[command(name = "affitor", version, propagate_version = true, after_help = exit::general_help())]
struct Arguments {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a sandbox of the service on localhost until Ctrl-C
    #[command(after_help = exit::help(sandbox::EXIT_CODES))]
    Sandbox(Box<sandbox::Arguments>),
    /// Send a test-mode event and show the result
    #[command(after_help = exit::help(test_event::EXIT_CODES))]
    Test(test_event::Arguments),
    /// Run a test chain and check whether the integration is verified
    #[command(after_help = exit::help(verify::EXIT_CODES))]
    Verify(verify::Arguments),
    /// Show the program's health and its events of the last 24 hours
    #[command(after_help = exit::help(status::EXIT_CODES))]
    Status(status::Arguments),
    /// Prove on the app's own routes that clicks, sign-ups and payments arrive
    #[command(after_help = exit::help(prove::EXIT_CODES))]
    Prove(Box<prove::Arguments>),
    /// Find problems with the settings, the network and the key, and suggest fixes
    #[command(after_help = doctor::exit_codes_help())]
    Doctor(doctor::Arguments),
    /// Manage the durable outbox in an app's database: statistics, dead letters, worker
    #[cfg(feature = "outbox")]
    #[command(after_help = exit::help(outbox::EXIT_CODES))]
    Outbox(outbox::Arguments),
    /// Manage the payment ledger in an app's database: why a payment counts, what is missing
    #[cfg(feature = "outbox")]
    #[command(after_help = exit::help(payments::EXIT_CODES))]
    Payments(Box<payments::Arguments>),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { json, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return print_clap_error(&error),
    };
    let output = Output { json };
    let result = match command {
        Command::Sandbox(arguments) => sandbox::run(*arguments, output).await,
        Command::Test(arguments) => test_event::run(arguments, output).await,
        Command::Verify(arguments) => verify::run(&arguments, output).await,
        Command::Status(arguments) => status::run(&arguments, output).await,
        Command::Prove(arguments) => prove::run(*arguments, output).await,
        Command::Doctor(arguments) => doctor::run(&arguments, output).await,
        #[cfg(feature = "outbox")]
        Command::Outbox(arguments) => outbox::run(arguments, output).await,
        #[cfg(feature = "outbox")]
        Command::Payments(arguments) => payments::run(*arguments, output).await,
    };
    match result {
        Ok(exit) => exit.code(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.code()
        }
    }
}

/// Prints the requested help or version as text, and invalid arguments as JSON if the arguments contain `--json`.
fn print_clap_error(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || !env::args_os().any(|argument| argument == "--json") {
        let _ = error.print();
        return if error.use_stderr() { Exit::Usage } else { Exit::Success }.code();
    }
    let text = error.render().to_string();
    // The message ends at the first empty line. Tips and usage follow.
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let message = lines.join(" ").trim_start_matches("error: ").to_owned();
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let failure = Failure::usage(message, tip.unwrap_or("see --help"));
    Output { json: true }.failure(&failure);
    failure.exit.code()
}
