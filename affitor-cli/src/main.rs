//! The `affitor` command. The README describes its subcommands, output and exit codes.

mod account;
mod browser;
mod check;
mod client_error;
mod color;
mod completions;
mod csp;
#[cfg(feature = "outbox")]
mod database;
mod diagnosis;
mod dns;
mod doctor;
mod examples;
mod exit;
mod failure;
mod format;
mod gates;
mod groups;
mod html;
mod http;
mod init;
mod key;
mod man;
#[cfg(not(feature = "outbox"))]
mod missing_feature;
#[cfg(feature = "outbox")]
mod outbox;
mod output;
mod payment;
#[cfg(feature = "outbox")]
mod payments;
mod progress;
mod prove;
mod provider;
mod proxy;
#[cfg(feature = "outbox")]
mod redact;
mod sandbox;
mod sanitize;
mod settings;
mod shell;
mod signal;
mod status;
mod test_chain;
mod test_event;
mod test_webhook;
mod tls;
mod url;

use std::{env, process::ExitCode};

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
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
    /// When to use colors
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a sandbox of the service on localhost until Ctrl-C
    #[command(after_help = exit::help(sandbox::EXIT_CODES))]
    Sandbox(Box<sandbox::Arguments>),
    /// Set a Cargo project up: program, settings, and the lines that the app needs
    #[command(after_help = exit::help(init::EXIT_CODES))]
    Init(Box<init::Arguments>),
    /// Log in at the service, in the browser
    ///
    /// Whoever knows the URL of the page can fetch the login's token. The browser gets it from a file that only you can read and that is
    /// removed afterwards, so other users of this machine do not see it. That can't protect it from root, from programs that run as you,
    /// or from people who see your terminal or the history of your browser.
    #[command(after_help = exit::help(account::LOGIN_EXIT_CODES))]
    Login(account::LoginArgs),
    /// Remove the session that `affitor login` stored
    #[command(after_help = exit::help(account::LOGOUT_EXIT_CODES))]
    Logout(account::AccountArgs),
    /// Show who is logged in at the service
    #[command(after_help = exit::help(account::WHOAMI_EXIT_CODES))]
    Whoami(account::AccountArgs),
    /// List the programs of the person who is logged in
    #[command(after_help = exit::help(account::PROGRAMS_EXIT_CODES))]
    Programs(account::AccountArgs),
    /// Replace the program's API key, with a management key
    #[command(arg_required_else_help = true, after_help = exit::help(key::EXIT_CODES))]
    Key(key::Arguments),
    /// Send test events or a whole chain to the service, or a payment's webhooks to an app
    #[command(after_help = exit::help(test_event::EXIT_CODES))]
    Test(test_event::Arguments),
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
    /// Manage the durable outbox in an app's database (needs the feature `outbox`)
    #[cfg(not(feature = "outbox"))]
    #[command(after_help = missing_feature::help())]
    Outbox(missing_feature::Arguments),
    /// Manage the payment ledger in an app's database (needs the feature `outbox`)
    #[cfg(not(feature = "outbox"))]
    #[command(after_help = missing_feature::help())]
    Payments(missing_feature::Arguments),
    /// Print a script with which a shell completes the command's arguments
    #[command(after_help = exit::help(completions::EXIT_CODES))]
    Completions(completions::Arguments),
    /// Print the manual page, or write one page per command
    #[command(after_help = exit::help(man::EXIT_CODES))]
    Man(man::Arguments),
}

/// The definition of the command, from which help, completions and manual pages are made.
fn command() -> clap::Command {
    groups::add(examples::add(Arguments::command()))
}

#[tokio::main]
async fn main() -> ExitCode {
    color::set(color::requested(env::args_os()));
    let parsed = command().try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    let Arguments { json, color, command } = match parsed {
        Ok(arguments) => arguments,
        Err(error) => return print_clap_error(&error),
    };
    color::set(color);
    #[cfg(not(feature = "outbox"))]
    let json = json || matches!(&command, Command::Outbox(rest) | Command::Payments(rest) if rest.json());
    let output = Output { json };
    let result = match command {
        Command::Sandbox(arguments) => sandbox::run(*arguments, output).await,
        Command::Init(arguments) => init::run(&arguments, output).await,
        Command::Login(arguments) => account::log_in(&arguments, output).await,
        Command::Logout(arguments) => account::log_out(&arguments, output),
        Command::Whoami(arguments) => account::who_am_i(&arguments, output),
        Command::Programs(arguments) => account::programs::run(&arguments, output).await,
        Command::Key(arguments) => key::run(arguments, output).await,
        Command::Test(arguments) => test_event::run(arguments, output).await,
        Command::Status(arguments) => status::run(&arguments, output).await,
        Command::Prove(arguments) => prove::run(*arguments, output).await,
        Command::Doctor(arguments) => doctor::run(&arguments, output).await,
        #[cfg(feature = "outbox")]
        Command::Outbox(arguments) => outbox::run(arguments, output).await,
        #[cfg(feature = "outbox")]
        Command::Payments(arguments) => payments::run(*arguments, output).await,
        #[cfg(not(feature = "outbox"))]
        Command::Outbox(_) => Err(missing_feature::failure("outbox")),
        #[cfg(not(feature = "outbox"))]
        Command::Payments(_) => Err(missing_feature::failure("payments")),
        Command::Completions(arguments) => Ok(completions::run(&arguments, output)),
        Command::Man(arguments) => man::run(&arguments, output),
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
