//! The command `affitor`. The README of the crate says what it does and what its exit codes mean.

mod check;
mod connection;
mod doctor;
mod ending;
mod explain;
mod gates;
#[cfg(feature = "outbox")]
mod outbox;
mod output;
mod proxy;
mod sandbox;
mod settings;
mod status;
mod test_event;
mod trouble;
mod verify;

use std::{env, process::ExitCode};

use clap::{Parser, Subcommand};
use ending::{Ending, Failure};
use output::Output;

/// Affitor integrations: a sandbox of the service, test events, and what is wrong
#[derive(Debug, Parser)]
#[command(name = "affitor", version, propagate_version = true, after_help = EXIT_CODES)]
struct Arguments {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  done; verified; nothing is wrong
  1  the answer is no: not verified, not recorded, something is wrong
  2  wrong arguments or settings, or a port or file that can't be had
  3  the service can't be reached, fails, or is something else
  4  the service refuses the key
  5  the service asks to come back later, and the message says when
What 0 and 1 mean for a command, its own --help says.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service on localhost, with a page to look at, until Ctrl-C
    #[command(after_help = sandbox::EXIT_CODES)]
    Sandbox(Box<sandbox::Arguments>),
    /// Send a test-mode event, and show the answer
    #[command(after_help = test_event::EXIT_CODES)]
    Test(test_event::Arguments),
    /// Run a synthetic chain, and say whether the integration is ready
    #[command(after_help = verify::EXIT_CODES)]
    Verify(verify::Arguments),
    /// Show the program's health and its events of the last 24 hours
    #[command(after_help = status::EXIT_CODES)]
    Status(status::Arguments),
    /// Find out what is wrong with this environment, and how to mend it
    #[command(after_help = doctor::EXIT_CODES)]
    Doctor(doctor::Arguments),
    /// The durable outbox in an app's database: its books, its dead letters, a worker
    #[cfg(feature = "outbox")]
    #[command(after_help = outbox::EXIT_CODES)]
    Outbox(outbox::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { json, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return not_understood(&error),
    };
    let output = Output { json };
    let ended = match command {
        Command::Sandbox(arguments) => sandbox::run(*arguments, output).await,
        Command::Test(arguments) => test_event::run(arguments, output).await,
        Command::Verify(arguments) => verify::run(&arguments, output).await,
        Command::Status(arguments) => status::run(&arguments, output).await,
        Command::Doctor(arguments) => doctor::run(&arguments, output).await,
        #[cfg(feature = "outbox")]
        Command::Outbox(arguments) => outbox::run(arguments, output).await,
    };
    match ended {
        Ok(ending) => ending.code(),
        Err(failure) => {
            output.failure(&failure);
            failure.ending.code()
        }
    }
}

/// Help that was asked for, or what is wrong with the arguments: for programs where they ask for JSON.
fn not_understood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || !env::args_os().any(|argument| argument == "--json") {
        let _ = error.print();
        return if error.use_stderr() { Ending::Usage } else { Ending::Fine }.code();
    }
    let text = error.render().to_string();
    // What comes after the first empty line is advice and usage.
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let message = lines.join(" ").trim_start_matches("error: ").to_owned();
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let failure = Failure::usage(message, tip.unwrap_or("--help says what there is"));
    Output { json: true }.failure(&failure);
    failure.ending.code()
}
