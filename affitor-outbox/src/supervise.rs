//! Background tasks that must not end.

use std::{future::Future, time::Duration};

/// How long to wait before a task is started again.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs a task until it returns. A panic is logged, and the task is started again.
pub(crate) async fn supervise<F>(name: &'static str, task: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    // Dropping the set ends the task, so that none is left over.
    let mut running = tokio::task::JoinSet::new();
    loop {
        running.spawn(task());
        match running.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(%error, "the outbox's task {name:?} has panicked, and is started again");
                tokio::time::sleep(PAUSE).await;
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again() {
        let starts = Arc::new(AtomicU32::new(0));
        let task = || {
            let starts = Arc::clone(&starts);
            async move {
                assert!(starts.fetch_add(1, Ordering::SeqCst) == 2, "not yet");
            }
        };
        supervise("test", task).await;
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }
}
