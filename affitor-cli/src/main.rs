//! The command `affitor`. The README of the crate says what it does and what its exit codes mean.

mod connection;
mod doctor;
mod ending;
mod gates;
mod output;
mod sandbox;
mod status;
mod test_event;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
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
  3  the service can't be reached, or fails
  4  the service refuses the key
  5  the service asks to come back later, and the message says when";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service on localhost, with a page to look at, until Ctrl-C
    Sandbox(Box<sandbox::Arguments>),
    /// Send a test-mode event, and show the answer
    Test(test_event::Arguments),
    /// Run a synthetic chain, and say whether the integration is ready
    Verify(verify::Arguments),
    /// Show the program's health and its events of the last 24 hours
    Status(status::Arguments),
    /// Find out what is wrong with this environment, and how to mend it
    Doctor(doctor::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { json, command } = Arguments::parse();
    let output = Output { json };
    let ended = match command {
        Command::Sandbox(arguments) => sandbox::run(*arguments, output).await,
        Command::Test(arguments) => test_event::run(arguments, output).await,
        Command::Verify(arguments) => verify::run(&arguments, output).await,
        Command::Status(arguments) => status::run(&arguments, output).await,
        Command::Doctor(arguments) => doctor::run(&arguments, output).await,
    };
    match ended {
        Ok(ending) => ending.code(),
        Err(failure) => {
            output.failure(&failure);
            failure.ending.code()
        }
    }
}
