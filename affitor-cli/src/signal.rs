//! Signals that stop a long-running command.

use std::io;

use crate::{exit::Exit, failure::Failure};

/// Waits for Ctrl-C or, on Unix, SIGTERM or SIGHUP.
///
/// # Errors
///
/// Returns an error if no signal handler can be installed.
pub(crate) async fn stop_requested() -> Result<(), Failure> {
    signal().await.map_err(|error| no_handler(&error))
}

/// Ignores Ctrl-C, SIGTERM and SIGHUP from now on, because an interruption would lose something.
///
/// # Errors
///
/// Returns an error if no signal handler can be installed.
pub(crate) fn ignore() -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            // The handler stays when the stream is dropped, and then does nothing.
            drop(signal(kind).map_err(|error| no_handler(&error))?);
        }
    }
    Ok(())
}

fn no_handler(error: &io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("cannot listen for signals: {error}"), "restart the command")
}

async fn signal() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        // The terminal was closed.
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
            _ = hangup.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
