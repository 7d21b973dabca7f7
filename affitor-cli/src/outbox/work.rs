//! A worker as a process of its own.

use std::io;

use affitor_outbox::{Database, Outbox};
use clap::Args;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

use super::{failed, status};
use crate::{
    connection::Connection,
    ending::{Ending, Failure},
    output::Output,
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// How many events are sent at a time
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    senders: u16,
    /// Send no lead without a click id, as `only_attributed` of the library
    #[arg(long)]
    only_attributed: bool,
    /// Mark every event as a test; refunds are not sent
    #[arg(long)]
    test_mode: bool,
}

pub(super) async fn run<DB: Database>(
    arguments: Arguments,
    outbox: &Outbox<DB>,
    output: Output,
) -> Result<Ending, Failure> {
    let Arguments { connection, senders, only_attributed, test_mode } = arguments;
    log();
    let settings = connection.settings();
    // Asks whether the tables are there before it says that it works.
    outbox.books().await.map_err(|error| failed(&error))?;
    let mut worker = outbox
        .worker(settings.builder()?.only_attributed(only_attributed).test_mode(test_mode))
        .senders(senders.into())
        .start()
        .await
        .map_err(|error| failed(&error))?;
    output.line("delivering, until Ctrl-C");
    tokio::select! {
        () = stopped() => {}
        ended = worker.wait() => {
            ended.map_err(|error| failed(&error))?;
            let ended = Failure::usage("the worker has stopped".to_owned(), "start it again");
            return Err(Failure { ending: Ending::Unreachable, ..ended });
        }
    }
    worker.shutdown().await.map_err(|error| failed(&error))?;
    status(outbox, output).await
}

/// Errors and warnings go to standard error, or what RUST_LOG asks for.
fn log() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).try_init();
}

/// Ctrl-C, or what a service manager sends.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = term.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        return;
    }
    drop(tokio::signal::ctrl_c().await);
}
