//! A time limit: for reading a body, and for waiting for a click.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{runtime::Handle, task::JoinHandle};

/// A time limit, such as [`Sources::body_timeout`](affitor_core::find::Sources::body_timeout).
///
/// It never passes outside a Tokio runtime. In a runtime without a time driver it passes at once.
#[derive(Debug)]
pub struct Deadline {
    timer: Option<JoinHandle<()>>,
}

impl Deadline {
    /// Starts the timer.
    pub fn start(limit: Duration) -> Self {
        // In a task of its own: without a time driver, that task panics and not the request.
        let runtime = Handle::try_current().ok();
        Self { timer: runtime.map(|runtime| runtime.spawn(async move { tokio::time::sleep(limit).await })) }
    }

    /// Returns `Ready` when the time has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Some(timer) => Pin::new(timer).poll(cx).map(drop),
            None => Poll::Pending,
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
    }
}
