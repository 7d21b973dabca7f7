//! A worker as a process of its own.

use affitor_outbox::{Database, Outbox};
use clap::Args;

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
    #[arg(long, default_value_t = 50)]
    senders: usize,
}

pub(super) async fn run<DB: Database>(
    arguments: Arguments,
    outbox: &Outbox<DB>,
    output: Output,
) -> Result<Ending, Failure> {
    let Arguments { connection, senders } = arguments;
    let settings = connection.settings();
    // Asks whether the tables are there before it says that it works.
    outbox.books().await.map_err(|error| failed(&error))?;
    let mut worker =
        outbox.worker(settings.builder()?).senders(senders).start().await.map_err(|error| failed(&error))?;
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

/// Ctrl-C, or what a service manager sends.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        let terminated = term.recv();
        let interrupted = tokio::signal::ctrl_c();
        let (mut terminated, mut interrupted) = (std::pin::pin!(terminated), std::pin::pin!(interrupted));
        std::future::poll_fn(|cx| {
            use std::future::Future as _;
            if terminated.as_mut().poll(cx).is_ready() || interrupted.as_mut().poll(cx).is_ready() {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        return;
    }
    drop(tokio::signal::ctrl_c().await);
}
