//! A time limit: for reading a body, and for waiting for a click.

use std::{
    task::{Context, Poll},
    time::Duration,
};

/// A time limit for reading a body, as in [`Sources::body_timeout`](crate::find::Sources::body_timeout).
///
/// It never passes outside a Tokio runtime or without the feature `client`. In a runtime without a time driver it passes at
/// once.
#[derive(Debug)]
pub struct Deadline {
    #[cfg(feature = "client")]
    timer: Option<tokio::task::JoinHandle<()>>,
}

impl Deadline {
    /// Starts the timer.
    pub fn start(limit: Duration) -> Self {
        #[cfg(feature = "client")]
        {
            // In a task of its own: without a time driver, that task panics and not the request.
            let runtime = tokio::runtime::Handle::try_current().ok();
            Self { timer: runtime.map(|runtime| runtime.spawn(async move { tokio::time::sleep(limit).await })) }
        }
        #[cfg(not(feature = "client"))]
        {
            let _ = limit;
            Self {}
        }
    }

    /// Returns `Ready` when the time has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        #[cfg(feature = "client")]
        if let Some(timer) = &mut self.timer {
            return std::pin::Pin::new(timer).poll(cx).map(drop);
        }
        let _ = cx;
        Poll::Pending
    }
}

#[cfg(feature = "client")]
impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
    }
}
