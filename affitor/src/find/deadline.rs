//! How long a layer waits for a body.

use std::{
    task::{Context, Poll},
    time::Duration,
};

/// A time limit that needs a runtime only where there is one: with the feature `client`, in a Tokio runtime. Elsewhere it
/// never comes.
#[derive(Debug)]
pub struct Deadline {
    #[cfg(feature = "client")]
    timer: Option<tokio::task::JoinHandle<()>>,
}

impl Deadline {
    /// Begins to wait.
    pub fn start(limit: Duration) -> Self {
        #[cfg(feature = "client")]
        {
            // In a task of its own: in a runtime without a timer the task ends at once, and no request does.
            let runtime = tokio::runtime::Handle::try_current().ok();
            Self { timer: runtime.map(|runtime| runtime.spawn(async move { tokio::time::sleep(limit).await })) }
        }
        #[cfg(not(feature = "client"))]
        {
            let _ = limit;
            Self {}
        }
    }

    /// Whether the time is over.
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
