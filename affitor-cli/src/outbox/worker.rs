//! `affitor outbox work`: runs a worker as a separate process.

use std::{io, time::Duration};

use affitor::LeadsWithoutClick;
use affitor_outbox::{Database, Outbox};
use clap::{Args, ValueEnum};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

use super::status;
use crate::{database::failed, exit::Exit, failure::Failure, output::Output, settings::ConnectionArgs, signal};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Maximum number of events to send concurrently
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    senders: u16,
    /// Days for which delivered events are kept; the longest value of all processes counts [default: 30, or what is stored]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    keep_completed: Option<u32>,
    /// Do not listen for notifications of Postgres, as behind a connection pooler; new events are sent within a second
    #[arg(long)]
    no_listen: bool,
    /// What to send about sign-ups without a click id, as the library's `leads_without_click` does
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    leads_without_click: Leads,
    /// Mark every event as a test; refunds are not sent
    #[arg(long)]
    test_mode: bool,
}

/// What is sent about a sign-up without a click id.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Leads {
    /// The lead without its e-mail address
    #[default]
    WithoutEmail,
    /// The whole lead
    Complete,
    /// Nothing
    NotSent,
}

impl From<Leads> for LeadsWithoutClick {
    fn from(leads: Leads) -> Self {
        match leads {
            Leads::WithoutEmail => Self::WithoutEmail,
            Leads::Complete => Self::Complete,
            Leads::NotSent => Self::NotSent,
        }
    }
}

pub(super) async fn run<DB: Database>(
    arguments: Arguments,
    outbox: &Outbox<DB>,
    output: Output,
) -> Result<Exit, Failure> {
    let Arguments { connection, senders, keep_completed, no_listen, leads_without_click, test_mode } = arguments;
    init_logging();
    let settings = connection.settings();
    // Fails here if the tables are missing, before the command reports that it is delivering.
    outbox.stats().await.map_err(|error| failed(&error))?;
    let client =
        settings.build(settings.builder()?.leads_without_click(leads_without_click.into()).test_mode(test_mode))?;
    let mut worker = outbox.worker(client).senders(senders.into());
    if let Some(days) = keep_completed {
        worker = worker.keep_completed(DAY * days);
    }
    if no_listen {
        worker = worker.without_listen();
    }
    let mut worker = worker.start().await.map_err(|error| failed(&error))?;
    output.line("delivering; press Ctrl-C to stop");
    tokio::select! {
        result = signal::stop_requested() => result?,
        result = worker.wait() => {
            result.map_err(|error| failed(&error))?;
            return Err(Failure::new(Exit::Unreachable, "the worker has stopped", "restart it"));
        }
    }
    worker.shutdown().await.map_err(|error| failed(&error))?;
    status(outbox, output).await
}

/// Prints errors and warnings, or what `RUST_LOG` selects, to standard error.
fn init_logging() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).try_init();
}
