//! Long runs of a sandbox in its own process.
//!
//! - `cargo run --release -p affitor-tests --bin soak -- give-up --seconds 300`: with at most 256 file descriptors and every
//!   fault, clients give up again and again. The number of descriptors must stay flat, and every later request must be served.
//! - `cargo run --release -p affitor-tests --bin soak -- staging --hours 24 --rate 50`: a simulated day of visitors. Memory must
//!   stay within the sandbox's limit, and no sale may be lost.
//!
//! The exit status is 1 if a condition is not met.

#![allow(missing_docs, reason = "a binary")]

mod give_up;
mod process;
mod staging;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Run {
    /// Clients that give up, with every fault and few file descriptors
    GiveUp(give_up::Arguments),
    /// A simulated day of visitors
    Staging(staging::Arguments),
    /// The sandbox (used by the program itself)
    #[command(hide = true)]
    Sandbox(process::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let passed = match Arguments::parse().run {
        Run::GiveUp(arguments) => give_up::run(&arguments).await,
        Run::Staging(arguments) => staging::run(&arguments).await,
        Run::Sandbox(arguments) => process::serve(&arguments).await,
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
