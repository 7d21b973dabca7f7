//! The queue's thread.
//!
//! The in-memory queue has its own thread and runtime (`affitor/src/queue/worker.rs`), which start with the first event, so that an
//! app's runtime that is busy, or ends, does not affect it. `lanes.rs` decides on order and `state.rs` on totals; neither knows a
//! clock or the network.

use std::{
    fmt, io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use affitor_core::redact::Redacted;
use tokio::sync::{Notify, watch};
use tracing::field::display;

use super::{
    settings::QueueSettings,
    state::{Next, State},
    stats::QueueStats,
};
use crate::{delivery::NextStep, event::Event, sink::EnqueueError, wire::Connection};

/// Shared by a queue and its thread.
pub(super) struct Shared {
    state: Mutex<State>,
    connection: Arc<Connection>,
    settings: QueueSettings,
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
    pub(super) fn new(connection: Arc<Connection>, settings: QueueSettings) -> Self {
        Self {
            state: Mutex::default(),
            connection,
            settings,
            wake: Notify::new(),
            ended: watch::Sender::new(false),
            ended_blocking: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stats(&self) -> QueueStats {
        self.lock().stats()
    }

    /// Closes the queue. Of several deadlines the earliest counts.
    pub(super) fn close(&self, deadline: Option<Duration>) {
        let mut state = self.lock();
        state.closed = true;
        let stop_at = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        state.stop_at = [state.stop_at, stop_at].into_iter().flatten().min();
        if !state.started {
            // There is no thread that could announce it.
            state.end();
            self.ended.send_replace(true);
        }
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
        for event in state.left() {
            let subject = event.ids().subject().map(|subject| display(Redacted(subject)));
            tracing::error!(
                event = event.kind(),
                subject,
                "an event is lost because the queue ended before it was delivered"
            );
        }
        self.0.ended.send_replace(true);
        drop(state);
        self.0.ended_blocking.notify_all();
    }
}

/// Accepts an event. The first one starts the thread.
pub(super) fn accept(shared: &Arc<Shared>, event: Event) -> Result<(), EnqueueError> {
    let mut state = shared.lock();
    if !state.started && !state.closed {
        start(shared).map_err(|error| {
            tracing::error!(%error, "the queue's thread can't be started");
            EnqueueError::NoThread
        })?;
        state.started = true;
    }
    state.accept(event, shared.settings.capacity, Instant::now())?;
    drop(state);
    shared.wake.notify_one();
    Ok(())
}

fn start(shared: &Arc<Shared>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shared = Arc::clone(shared);
    let run = move || {
        let guard = EndGuard(Arc::clone(&shared));
        runtime.block_on(run(&shared));
        // Cancels what is in flight, before the end is announced.
        runtime.shutdown_background();
        drop(guard);
    };
    thread::Builder::new().name("affitor-queue".to_owned()).spawn(run).map(drop)
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
    let result = shared.connection.track_event(Event::clone(&event), prior).await;
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
