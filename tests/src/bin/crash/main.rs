//! A shop and its workers as processes of their own, killed at random while the service fails at random: nothing may be lost,
//! doubled or out of order.
//!
//! `cargo run --release -p affitor-tests --bin crash -- --store sqlite --events 5000 --kills 10 --faults 0.3 --seed 7`
//!
//! What is judged is the shop's own table of orders and what the sandbox holds; the outbox is asked for nothing but the partial
//! refunds that it calls uncertain. Ends with `lost=… doubled=… out_of_order=… uncertain=…`, and with status 1 unless the first
//! three are 0.

#![allow(missing_docs, reason = "a program")]

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
    /// Where the orders and the outbox are
    #[arg(long, value_enum, default_value = "sqlite")]
    store: StoreKind,
    /// How many events the shop enqueues, about
    #[arg(long, default_value_t = 5_000)]
    events: u64,
    /// How many processes are killed
    #[arg(long, default_value_t = 10)]
    kills: u32,
    /// How many of the service's answers fail, in one way or another
    #[arg(long, default_value_t = 0.3)]
    faults: f64,
    /// What chance is drawn from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many processes deliver
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Stops Postgres as a loss of power would, in the middle, and starts it again
    #[arg(long)]
    restart_database: bool,
    /// How many seconds the database stays away then
    #[arg(long, default_value_t = 0)]
    gone: u64,
    /// The service fails no more once all is enqueued and killed, so that the run ends soon
    #[arg(long)]
    recover: bool,
    /// Runs a process that breaks what is promised, which must be found
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
    /// Be one of the processes (the program calls itself so)
    #[arg(long, value_enum, hide = true)]
    role: Option<Role>,
    #[arg(long, hide = true, default_value = "")]
    database: String,
    #[arg(long, hide = true, default_value = "")]
    api: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    Sqlite,
    Postgres,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sabotage {
    /// Takes events out of the outbox without sending them
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
    let ended = runtime.block_on(async {
        match arguments.role {
            Some(Role::Producer) => producer::run(&arguments).await.map(|()| true),
            Some(Role::Worker) => producer::work(&arguments).await.map(|()| true),
            Some(Role::Saboteur) => saboteur::run(&arguments).await.map(|()| true),
            None => run::run(&arguments).await,
        }
    });
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("crash: {error}");
            ExitCode::from(2)
        }
    }
}
