//! The calls: how many are made, and their results, which may come after the page.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use affitor_core::ClickId;
use tokio::{runtime::Handle, sync::watch};

use super::{
    admission::{Admission, Code, NotAdmitted, Slot},
    client::ClientNet,
    cookies::DEFAULT_DAYS,
    retry::Token,
};
use crate::{
    client::Client,
    event::{Click, ClickOutcome},
    metrics,
};

/// Largest number of results that wait for their visitors.
const MAX_RESULTS: usize = 10_000;

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Recorded {
        click_id: ClickId,
        days: u32,
    },
    /// The service knows no active link with this code, or the click was a test.
    NotCounted,
    /// The call failed. `repeat` is whether it can't have arrived, so that the visitor's next page may repeat it.
    Failed {
        repeat: bool,
    },
}

/// The result of a call, once it is known.
pub(super) type Result = watch::Receiver<Option<Ended>>;

/// Counts of a [`ClickCapture`](super::ClickCapture) since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaptureStats {
    /// Clicks that the service recorded.
    pub recorded: u64,
    /// Clicks that do not count: the service knows no active link with the partner's code, or said so within the last minute.
    pub not_counted: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Landings without a call, because of a limit of calls in flight or per second.
    pub limited: u64,
    /// Results that came after their page, and reached their visitor with a later one. Each counts once.
    pub late: u64,
    /// Calls that were repeated because their result was not known to this instance: another one made them, or it is too old.
    pub repeated: u64,
    /// Calls in flight.
    pub in_flight: usize,
    /// Largest number of calls that were in flight at once.
    pub most_in_flight: usize,
}

#[derive(Debug)]
pub(super) struct Calls {
    client: Client,
    pub(super) admission: Admission,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    results: Mutex<Results>,
    pub(super) keep_for: Duration,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Results {
    by_token: HashMap<Token, Kept>,
    /// When results were known, oldest first. A token whose result was delivered with its page may remain for a while.
    ended: VecDeque<(Instant, Token)>,
}

#[derive(Debug)]
struct Kept {
    result: Result,
    was_late: bool,
}

#[derive(Debug, Default)]
struct Counts {
    recorded: AtomicU64,
    not_counted: AtomicU64,
    failed: AtomicU64,
    limited: AtomicU64,
    late: AtomicU64,
    repeated: AtomicU64,
}

impl Calls {
    pub(super) fn new(client: Client, in_flight: usize, per_second: u32, keep_for: Duration) -> Self {
        Self {
            client,
            admission: Admission::new(in_flight, per_second),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
            results: Mutex::default(),
            keep_for,
            counts: Counts::default(),
        }
    }

    pub(super) fn is_disabled(&self) -> bool {
        self.client.is_disabled()
    }

    /// Returns the right to make a call now, or why there is none.
    pub(super) fn admit(&self, partner: &str, client: Option<ClientNet>) -> std::result::Result<Slot, NotAdmitted> {
        let admitted = self.admission.admit(partner, client);
        match &admitted {
            Ok(_) => {}
            Err(NotAdmitted::Limited) => count(&self.counts.limited, "limited"),
            Err(NotAdmitted::UnknownCode) => count(&self.counts.not_counted, "not_counted"),
        }
        admitted
    }

    /// Makes a call in a task of its own, unless another page of the visitor has just made it. `None` outside a Tokio runtime.
    pub(super) fn start(self: &Arc<Self>, token: Token, click: Click, slot: Slot) -> Option<Result> {
        let runtime = Handle::try_current().ok()?;
        let (sender, result) = watch::channel(None);
        {
            let mut results = lock(&self.results);
            if let Some(kept) = results.by_token.get(&token) {
                return Some(kept.result.clone());
            }
            results.by_token.insert(token, Kept { result: result.clone(), was_late: false });
        }
        let in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.most_in_flight.fetch_max(in_flight, Relaxed);
        // Dropped with the task, even if the runtime shuts down.
        let running = Running { calls: Arc::clone(self), token, sender, slot };
        runtime.spawn(async move {
            let ended = running.calls.make(click, running.slot.code).await;
            running.sender.send_replace(Some(ended));
        });
        Some(result)
    }

    async fn make(&self, click: Click, code: Code) -> Ended {
        match self.client.track_click(click).await {
            Ok(ClickOutcome::Recorded { click_id, cookie_window_days, .. }) => {
                count(&self.counts.recorded, "recorded");
                self.admission.is_known(code);
                Ended::Recorded { click_id, days: cookie_window_days.unwrap_or(DEFAULT_DAYS) }
            }
            Ok(_) => {
                count(&self.counts.not_counted, "not_counted");
                Ended::NotCounted
            }
            // Unknown partners: anybody can invent one.
            Err(error) if error.is_rejected() && !error.is_retryable() && !error.may_have_arrived() => {
                // Not what a proxy responds.
                if error.status() == Some(400) {
                    self.admission.is_unknown(code);
                }
                count(&self.counts.not_counted, "not_counted");
                Ended::NotCounted
            }
            Err(error) => {
                count(&self.counts.failed, "failed");
                Ended::Failed { repeat: error.is_retryable() && !error.may_have_arrived() }
            }
        }
    }

    /// Returns the result of a call that this instance made.
    pub(super) fn result(&self, token: &Token) -> Option<Result> {
        let mut results = lock(&self.results);
        results.forget_old(self.keep_for);
        results.by_token.get(token).map(|kept| kept.result.clone())
    }

    /// Forgets a result that came in time.
    pub(super) fn in_time(&self, token: &Token) {
        lock(&self.results).by_token.remove(token);
    }

    /// Counts a result that came late.
    pub(super) fn late(&self, token: &Token) {
        let mark = |kept: &mut Kept| !std::mem::replace(&mut kept.was_late, true);
        let is_first = lock(&self.results).by_token.get_mut(token).is_none_or(mark);
        if is_first {
            count(&self.counts.late, "late");
        }
    }

    pub(super) fn repeated(&self) {
        count(&self.counts.repeated, "repeated");
    }

    pub(super) fn stats(&self) -> CaptureStats {
        let counts = &self.counts;
        CaptureStats {
            recorded: counts.recorded.load(Relaxed),
            not_counted: counts.not_counted.load(Relaxed),
            failed: counts.failed.load(Relaxed),
            limited: counts.limited.load(Relaxed),
            late: counts.late.load(Relaxed),
            repeated: counts.repeated.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            most_in_flight: self.most_in_flight.load(Relaxed),
        }
    }
}

/// A call in flight.
struct Running {
    calls: Arc<Calls>,
    token: Token,
    sender: watch::Sender<Option<Ended>>,
    slot: Slot,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.calls.in_flight.fetch_sub(1, Relaxed);
        let mut results = lock(&self.calls.results);
        results.ended.push_back((Instant::now(), self.token));
        results.forget_old(self.calls.keep_for);
    }
}

impl Results {
    fn forget_old(&mut self, keep_for: Duration) {
        while let Some((ended_at, token)) = self.ended.front() {
            let has_left = !self.by_token.contains_key(token);
            if !has_left && self.by_token.len() <= MAX_RESULTS && ended_at.elapsed() < keep_for {
                break;
            }
            self.by_token.remove(token);
            self.ended.pop_front();
        }
        // Tokens that have left behind one that has not.
        if self.ended.len() > 2 * MAX_RESULTS {
            self.ended.retain(|(_, token)| self.by_token.contains_key(token));
        }
    }
}

fn count(counter: &AtomicU64, event: &'static str) {
    counter.fetch_add(1, Relaxed);
    metrics::capture(event);
}

/// A panic while a lock was held leaves nothing half-done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
