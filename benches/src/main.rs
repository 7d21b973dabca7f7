//! Benchmarks. Run one with `cargo run --release -p affitor-bench -- SUBJECT`:
//!
//! - `layer`: what the layers add to a bare request, next to the alternatives
//! - `capture`: what the capture layer adds to a layer that does nothing
//! - `flood`: pages and calls while the service stalls or is slow, with many landings
//! - `sandbox`: the sandbox under load
//! - `stall`: how long visitors wait while the service stalls
//! - `outbox`: throughput into and out of the outbox
//! - `ledger`: recording payment webhooks next to a bare insert
//! - `held`: how long it takes to decide payments that were held
//! - `growth`: what each operation of the outbox costs as its tables grow
//! - `outage`: statements of a worker while its key is wrong or the service is down
//!
//! For `layer`, valgrind's callgrind counts instructions per request, and a counting allocator counts allocations: 200 requests,
//! for the service call alone. Requests are built outside of it and dropped inside. Wall time is not measured, because it depends
//! on the machine more than on the code.

mod callgrind;
mod capture;
mod flood;
mod growth;
mod held;
mod layer;
mod ledger;
mod measure;
mod outage;
mod outbox;
mod sandbox;
mod stall;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures the cost of the crates.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Instructions and allocations that the layers add to a bare request, next to the alternatives
    Layer {
        /// Run one case (used by the program itself)
        #[arg(long, hide = true)]
        case: Option<String>,
    },
    /// Instructions and allocations that the capture layer adds to a layer that does nothing
    Capture {
        /// Run one case (used by the program itself)
        #[arg(long, hide = true)]
        case: Option<String>,
    },
    /// Response times and calls during a flood of landings, clicks per visitor with a slow service, and landings at three latencies
    Flood,
    /// Events per second and bytes per event of the sandbox, with 64 connections
    Sandbox {
        /// Run the sandbox (used by the program itself)
        #[arg(long, hide = true)]
        serve: bool,
    },
    /// Response times of handlers that enqueue or call, while the service stalls
    Stall,
    /// Payment webhooks per second into the ledger, next to a bare insert, and bytes per payment
    Ledger,
    /// Statements per minute of a worker that waits, with few and with many pending events (11 minutes)
    Outage,
    /// Cost of each operation of the outbox as its tables grow, on both databases (25 minutes with a million rows)
    Growth {
        /// Numbers of rows
        #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000,1000000")]
        rows: Vec<u32>,
    },
    /// Seconds to decide payments that were held, next to their webhooks (5 minutes with 50,000)
    Held {
        /// Number of payments
        #[arg(long, default_value_t = 50_000)]
        payments: u32,
    },
    /// Events per second into the outbox, next to a bare insert, and out of it
    Outbox,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().subject {
        Subject::Layer { case: Some(name) } => layer::run_case(&name),
        Subject::Layer { case: None } => layer::report(),
        Subject::Capture { case: Some(name) } => capture::run_case(&name),
        Subject::Capture { case: None } => capture::report(),
        Subject::Flood => flood::report(),
        Subject::Sandbox { serve: true } => sandbox::serve(),
        Subject::Sandbox { serve: false } => sandbox::report(),
        Subject::Stall => stall::report(),
        Subject::Growth { rows } => growth::report(&rows),
        Subject::Held { payments } => held::report(payments.into()),
        Subject::Ledger => ledger::report(),
        Subject::Outage => outage::report(),
        Subject::Outbox => outbox::report(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("affitor-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
