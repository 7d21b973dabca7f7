//! The queue's thread.

use std::{
    fmt, io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};

use super::{
    settings::Settings,
    state::{Next, State},
    stats::QueueStats,
};
use crate::{delivery::NextStep, event::Event, sink::EnqueueError};

/// Shared by the handles of a queue and its thread.
pub(super) struct Shared {
    state: Mutex<State>,
    settings: Settings,
    /// Wakes the thread.
    wake: Notify,
    /// Whether the thread has ended, for tasks and for blocked threads.
    ended: watch::Sender<bool>,
    ended_blocking: Condvar,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stats(&self) -> QueueStats {
        self.lock().stats()
    }

    pub(super) fn accept(&self, event: Event) -> Result<(), EnqueueError> {
        self.lock().accept(event, self.settings.capacity, Instant::now())?;
        self.wake.notify_one();
        Ok(())
    }

    /// Closes the queue. Of several deadlines the earliest counts.
    pub(super) fn close(&self, deadline: Option<Duration>) {
        let mut state = self.lock();
        state.closed = true;
        let stop_at = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        state.stop_at = [state.stop_at, stop_at].into_iter().flatten().min();
        drop(state);
        self.wake.notify_one();
    }

    /// Waits for the events that were accepted before. Returns how many are still pending.
    pub(super) async fn flush(&self, deadline: Duration) -> usize {
        let flushed = self.lock().flush(Instant::now().checked_add(deadline));
        self.wake.notify_one();
        // An error means that the thread has ended.
        match flushed.await {
            Ok(left) => left,
            Err(_) => self.pending(),
        }
    }

    fn pending(&self) -> usize {
        self.stats().pending.try_into().unwrap_or(usize::MAX)
    }

    pub(super) async fn ended(&self) {
        // The sender lives as long as this does.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    pub(super) fn wait_until_ended(&self) {
        let mut state = self.lock();
        while !*self.ended.borrow() {
            state = self.ended_blocking.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Announces the end of the thread, even if it panics.
struct EndGuard(Arc<Shared>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.end();
        let left = state.stats().pending;
        if left > 0 {
            tracing::error!(left, "the queue ended with events that were not delivered");
        }
        self.0.ended.send_replace(true);
        drop(state);
        self.0.ended_blocking.notify_all();
    }
}

pub(super) fn start(settings: Settings) -> io::Result<Arc<Shared>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        settings,
        wake: Notify::new(),
        ended: watch::Sender::new(false),
        ended_blocking: Condvar::new(),
    });
    let of_thread = Arc::clone(&shared);
    thread::Builder::new().name("affitor-queue".to_owned()).spawn(move || {
        let guard = EndGuard(Arc::clone(&of_thread));
        runtime.block_on(run(&of_thread));
        // Cancels what is in flight, before the end is announced.
        runtime.shutdown_background();
        drop(guard);
    })?;
    Ok(shared)
}

async fn run(shared: &Arc<Shared>) {
    let senders = shared.settings.senders;
    loop {
        let wakes_at = {
            let mut state = shared.lock();
            let now = Instant::now();
            state.end_flushes(now);
            if state.is_over(now) {
                return;
            }
            while let Some(next) = state.next(senders, now) {
                tokio::spawn(send(Arc::clone(shared), next));
            }
            state.wakes_at(senders)
        };
        let woken = shared.wake.notified();
        match wakes_at {
            // Whichever comes first.
            Some(at) => drop(tokio::time::timeout_at(at.into(), woken).await),
            None => woken.await,
        }
    }
}

async fn send(shared: Arc<Shared>, Next { ticket, event, prior }: Next) {
    let client = &shared.settings.client;
    let result = client.track_event(Event::clone(&event), prior).await;
    if let Err(error) = &result {
        if error.next_step(event.retry_class()) == NextStep::RetryOnceFixed {
            tracing::error!(%error, "events wait until this is fixed");
        }
    }
    let random = fastrand::f64();
    let failed = shared.lock().settle(ticket, result, shared.settings.max_age, random, Instant::now());
    shared.wake.notify_one();
    if let Some(failed) = failed {
        tracing::error!(event = ?failed.event, error = %failed.error, "delivery of an event failed permanently");
        if let Some(call) = &shared.settings.on_failure {
            call(&failed.event, &failed.error);
        }
    }
}
