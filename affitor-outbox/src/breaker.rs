//! Acts on the gate: takes a worker's queue away while it is closed, so that no event is fetched only to be postponed.
//!
//! The queue is removed from this process only. River could pause it for all processes, but then one with an outdated key
//! would stop the others, and one that is killed would leave them stopped.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use riverqueue::{Client, QueueConfig};
use tokio::sync::{Notify, watch};

use crate::{
    gate::{Change, Gate, GateView, Verdict},
    metrics,
    supervise::supervise,
};

pub(crate) struct Breaker {
    gate: Mutex<Gate>,
    changed: Notify,
    /// Whether the background task runs. There is at most one, because it restores the settings of the queue.
    guarded: AtomicBool,
    stopped: watch::Sender<bool>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            gate: Mutex::default(),
            changed: Notify::new(),
            guarded: AtomicBool::new(false),
            stopped: watch::Sender::new(false),
        }
    }
}

impl Breaker {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view(&self) -> GateView {
        self.gate().view(Instant::now())
    }

    /// Ends the background task.
    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Applies what an attempt says about the service. If the gate closes, a background task takes over the queue.
    pub(crate) fn apply(self: &Arc<Self>, river: Option<&Client>, queue: &str, id: i64, verdict: Verdict) {
        // Outside of River, nobody could open the gate.
        let Some(river) = river else { return };
        let change = self.gate().apply(id, verdict, Instant::now());
        match change {
            None => return,
            Some(Change::Opened) => tracing::info!(queue, "delivery is resumed"),
            Some(Change::ClosedByWrongKey) => tracing::error!(
                queue,
                "delivery is suspended until the API key or URL is fixed; events stay in the outbox"
            ),
            Some(Change::ClosedByOutage) => {
                tracing::warn!(
                    queue,
                    "delivery is suspended until the service is available; events stay in the outbox"
                );
            }
        }
        metrics::suspended(queue, change != Some(Change::Opened));
        self.changed.notify_waiters();
        if change != Some(Change::Opened) && !self.guarded.swap(true, Ordering::SeqCst) {
            let Some(config) = river.local_queues().configs().remove(queue) else {
                return self.give_up(queue);
            };
            let (breaker, river, queue) = (Arc::clone(self), river.clone(), queue.to_owned());
            // Its settings are kept here: a task that is started again may find the queue removed.
            let task = move || guard(Arc::clone(&breaker), river.clone(), queue.clone(), config.clone());
            tokio::spawn(supervise("breaker", task));
        }
    }

    fn is_open(&self) -> bool {
        matches!(*self.gate(), Gate::Open { .. })
    }

    /// Gives up on the queue, which the app itself has removed or added.
    fn give_up(&self, queue: &str) {
        *self.gate() = Gate::default();
        metrics::suspended(queue, false);
        self.guarded.store(false, Ordering::SeqCst);
    }

    /// Waits until the pause is over. Returns `false` if the worker has stopped.
    async fn pause(&self) -> bool {
        let mut stopped = self.stopped.subscribe();
        let until = self.gate().closed_until().unwrap_or_else(Instant::now);
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => true,
            _ = stopped.wait_for(|stopped| *stopped) => false,
        }
    }

    /// Waits until the gate opens (`true`) or closes.
    async fn probed(&self) -> bool {
        loop {
            let changed = self.changed.notified();
            match *self.gate() {
                Gate::Open { .. } => return true,
                Gate::Closed { .. } => return false,
                Gate::Probing { .. } => {}
            }
            changed.await;
        }
    }
}

/// Works the queue with one slot at a time until the gate is open.
async fn guard(breaker: Arc<Breaker>, river: Client, queue: String, config: QueueConfig) {
    loop {
        // Waits for the events in flight. An error means that the queue is already removed.
        river.local_queues().remove(&queue).await.ok();
        if !breaker.pause().await {
            return;
        }
        breaker.gate().probe();
        if let Err(error) = river.local_queues().add(queue.as_str(), config.clone().with_max_workers(1)) {
            // The app has added the queue itself.
            tracing::warn!(%error, queue, "delivery is resumed");
            return breaker.give_up(&queue);
        }
        let mut stopped = breaker.stopped.subscribe();
        let opened = tokio::select! {
            opened = breaker.probed() => opened,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        if opened {
            // An error means that the app has removed the queue.
            river.local_queues().update(&queue, config.clone()).ok();
            breaker.guarded.store(false, Ordering::SeqCst);
            // The gate may have closed again meanwhile, when this task still seemed to guard it.
            if breaker.is_open() || breaker.guarded.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }
}
