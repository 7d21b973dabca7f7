//! Runs a shop and its workers as separate processes, and kills them at random while the service fails at random. No event may be
//! lost, doubled or out of order.
//!
//! `cargo run --release -p affitor-tests --bin crash -- --store sqlite --events 5000 --kills 10 --faults 0.3 --seed 7`
//!
//! The result compares the shop's own table of orders with the sandbox's records. From the outbox it takes the partial refunds
//! reported as uncertain, and its statistics. The last line of a clean run is `lost=… doubled=… out_of_order=… uncertain=…`. The
//! exit status is 1 unless the first three are 0 and the statistics agree.

#![allow(missing_docs, reason = "a binary")]

mod judge;
mod producer;
mod run;
mod saboteur;
mod shop;
mod store;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// Database of the orders and the outbox
    #[arg(long, value_enum, default_value = "sqlite")]
    store: StoreKind,
    /// Approximate number of events that the shop enqueues
    #[arg(long, default_value_t = 5_000)]
    events: u64,
    /// Number of processes to kill
    #[arg(long, default_value_t = 10)]
    kills: u32,
    /// Share of requests that meet a fault of the service, from 0 to 1
    #[arg(long, default_value_t = 0.3)]
    faults: f64,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Number of worker processes
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Stop Postgres during the run, as a power failure would, and start it again
    #[arg(long)]
    restart_database: bool,
    /// Seconds until the stopped database is started again
    #[arg(long, default_value_t = 0)]
    gone: u64,
    /// Rotate the program's API key after every third kill; the workers read it from a file
    #[arg(long)]
    rotate_key: bool,
    /// Turn off the faults once all events are enqueued and all kills are done, so that the run ends soon
    #[arg(long)]
    recover: bool,
    /// Run a process that violates a guarantee, which the run must detect
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
    /// Run as one of the child processes (used by the program itself)
    #[arg(long, value_enum, hide = true)]
    role: Option<Role>,
    #[arg(long, hide = true, default_value = "")]
    database: String,
    #[arg(long, hide = true, default_value = "")]
    api: String,
    /// File with the API key
    #[arg(long, hide = true, default_value = "")]
    key_file: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    Sqlite,
    Postgres,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sabotage {
    /// Marks events as delivered without sending them
    Lose,
    /// Sends partial refunds a second time
    Double,
    /// Sends sales before their leads
    Reorder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    Producer,
    Worker,
    Saboteur,
}

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("crash: {error}");
            return ExitCode::from(2);
        }
    };
    let result = runtime.block_on(async {
        match arguments.role {
            Some(Role::Producer) => producer::run(&arguments).await.map(|()| true),
            Some(Role::Worker) => producer::work(&arguments).await.map(|()| true),
            Some(Role::Saboteur) => saboteur::run(&arguments).await.map(|()| true),
            None => run::run(&arguments).await,
        }
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("crash: {error}");
            ExitCode::from(2)
        }
    }
}
