//! Ours and the peers side by side, in one run: `cargo run --release -p affitor-bench -- layer`; and the sandbox under load:
//! `… -- sandbox`; and what a visitor waits for while the service stalls: `… -- stall`;
//! and the outbox: `… -- outbox`.
//!
//! Instructions and allocations a request are counted by valgrind's callgrind, for the service call alone: 200 requests,
//! which are built outside, and dropped inside. Wall time is not looked at: it says more of the machine than of the code.

mod callgrind;
mod layer;
mod measure;
mod outbox;
mod sandbox;
mod stall;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What is measured.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// What the layers add to a bare request, next to what others add
    Layer {
        /// Run this case once under the counter (the program calls itself so)
        #[arg(long, hide = true)]
        case: Option<String>,
    },
    /// Events a second and bytes an event of the sandbox, from 64 connections
    Sandbox {
        /// Be the sandbox (the program calls itself so)
        #[arg(long, hide = true)]
        serve: bool,
    },
    /// What a handler adds to its answer while the service stalls: by enqueueing, and by calling
    Stall,
    /// Events a second into the outbox, next to a bare insert, and out of it
    Outbox,
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().subject {
        Subject::Layer { case: Some(name) } => layer::run_case(&name),
        Subject::Layer { case: None } => layer::report(),
        Subject::Sandbox { serve: true } => sandbox::serve(),
        Subject::Sandbox { serve: false } => sandbox::report(),
        Subject::Stall => stall::report(),
        Subject::Outbox => outbox::report(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("affitor-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
