//! Putting events into the outbox from where nobody can wait.

use std::{fmt, sync::Arc, time::Duration};

use affitor::{Deliver, Event, NotQueued};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, watch},
    time::Instant,
};

use crate::{Database, Error, Outbox, delivery::Delivery, measure};

const CAPACITY: usize = 10_000;
/// How many events one transaction writes at most.
const BATCH: usize = 200;
/// How long a transaction may take, and how long the database is left alone after it has failed.
const WRITE: Duration = Duration::from_secs(30);
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// Takes events at once, and writes them into the outbox from a task of its own: an [`affitor::Deliver`], for what has no
/// transaction to commit with. Cheap to clone.
///
/// ```no_run
/// use std::time::Duration;
///
/// use affitor::{Client, Lead};
/// use affitor_outbox::{Outbox, sqlx::Sqlite};
///
/// # async fn run(outbox: Outbox<Sqlite>) -> Result<(), Box<dyn std::error::Error>> {
/// let enqueuer = outbox.enqueuer()?;
/// let client = Client::from_env()?.deliver_with(enqueuer.clone()); // for the layer, and for all that enqueues
///
/// client.enqueue_lead(Lead::new("user_7")); // in a handler: nothing to wait for, nothing to handle
///
/// // When the server has stopped: what is not written yet has 10 seconds.
/// let left = enqueuer.shutdown(Duration::from_secs(10)).await;
/// # Ok(()) }
/// ```
///
/// What it has taken is in memory for the moment until it is written, longer while the database does not answer, and lost when the
/// process is killed then. An order and its event belong into one transaction: [`Outbox::enqueue`].
#[derive(Clone)]
pub struct Enqueuer {
    events: mpsc::Sender<Delivery>,
    stop: Arc<watch::Sender<Stop>>,
    left: watch::Receiver<Left>,
}

/// Whether nothing more is taken, and until when is written what there is.
#[derive(Clone, Copy, Debug, Default)]
struct Stop {
    asked: bool,
    at: Option<Instant>,
}

/// What the writer has taken and not written.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    events: usize,
    ended: bool,
}

impl fmt::Debug for Enqueuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enqueuer").field("pending", &self.pending()).finish_non_exhaustive()
    }
}

impl<DB: Database> Outbox<DB> {
    /// Takes events at once, up to 10,000 that are not written yet: see [`Enqueuer`]. It writes in the runtime that this is called
    /// in.
    ///
    /// # Errors
    ///
    /// Outside of a Tokio runtime.
    pub fn enqueuer(&self) -> Result<Enqueuer, Error> {
        self.enqueuer_with_capacity(CAPACITY)
    }

    /// As [`Outbox::enqueuer`], with room for so many events that are not written yet: at least 1, and as many as one transaction
    /// writes (200) beside it.
    ///
    /// # Errors
    ///
    /// Outside of a Tokio runtime.
    pub fn enqueuer_with_capacity(&self, events: usize) -> Result<Enqueuer, Error> {
        let runtime = Handle::try_current().map_err(|_| Error::no_runtime())?;
        let (events, receiver) = mpsc::channel(events.clamp(1, Semaphore::MAX_PERMITS));
        let (stop, stops) = watch::channel(Stop::default());
        let (tell_left, left) = watch::channel(Left::default());
        let writer = Writer { outbox: self.clone(), events: receiver, stop: stops, batch: Vec::new(), left: tell_left };
        runtime.spawn(writer.run());
        Ok(Enqueuer { events, stop: Arc::new(stop), left })
    }
}

impl Enqueuer {
    /// How many events are taken and not written yet.
    pub fn pending(&self) -> usize {
        let left = *self.left.borrow();
        let waiting = if left.ended { 0 } else { self.events.max_capacity() - self.events.capacity() };
        waiting + left.events
    }

    /// Takes nothing more, writes what is waiting, and says how many events it could not write within `deadline`: these are lost.
    /// Of several deadlines the first counts.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        let at = Instant::now().checked_add(deadline);
        self.stop.send_if_modified(|stop| {
            let first = !stop.asked;
            if first {
                *stop = Stop { asked: true, at };
            }
            first
        });
        // It goes without a word only with its runtime.
        let _ = self.left.clone().wait_for(|left| left.ended).await;
        self.pending()
    }
}

impl Deliver for Enqueuer {
    fn deliver(&self, event: Event) -> Result<(), NotQueued> {
        let delivery = Delivery::new(&event).map_err(NotQueued::Invalid)?;
        self.events.try_send(delivery).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                measure::refused(event.kind(), "full");
                NotQueued::Full
            }
            mpsc::error::TrySendError::Closed(_) => {
                measure::refused(event.kind(), "closed");
                NotQueued::Closed
            }
        })
    }
}

struct Writer<DB: Database> {
    outbox: Outbox<DB>,
    events: mpsc::Receiver<Delivery>,
    stop: watch::Receiver<Stop>,
    batch: Vec<Delivery>,
    left: watch::Sender<Left>,
}

impl<DB: Database> Drop for Writer<DB> {
    /// It is done, has no more time, or its runtime ends.
    fn drop(&mut self) {
        let events = self.batch.len() + self.events.len();
        if events > 0 {
            tracing::error!(events, "events are lost: the outbox's database did not take them in time");
        }
        self.left.send_replace(Left { events, ended: true });
    }
}

impl<DB: Database> Writer<DB> {
    /// Until there is nothing more to write, or no more time.
    async fn run(mut self) {
        let mut asked = std::pin::pin!(asked(self.stop.clone()));
        let mut over = std::pin::pin!(over(self.stop.clone()));
        let mut open = true;
        loop {
            tokio::select! {
                taken = self.events.recv_many(&mut self.batch, BATCH) => if taken == 0 {
                    return;
                },
                () = &mut asked, if open => {
                    self.events.close();
                    open = false;
                    continue;
                }
            }
            self.left.send_replace(Left { events: self.batch.len(), ended: false });
            tokio::select! {
                () = self.write() => {}
                () = &mut over => return,
            }
            self.batch.clear();
            self.left.send_replace(Left::default());
        }
    }

    /// Writes what is in hand, however long it takes. What was written and not confirmed is written again, and is known then.
    async fn write(&self) {
        for pause in PAUSES.into_iter().chain(std::iter::repeat(PAUSES[PAUSES.len() - 1])) {
            let written = tokio::time::timeout(WRITE, self.outbox.enqueue_all(&self.batch)).await;
            let error = match written {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(_) => riverqueue::sqlx::Error::PoolTimedOut.into(),
            };
            tracing::error!(%error, events = self.batch.len(), "events wait for the outbox's database");
            tokio::time::sleep(pause).await;
        }
    }
}

/// Nothing more is taken.
async fn asked(mut stop: watch::Receiver<Stop>) {
    if stop.wait_for(|stop| stop.asked).await.is_err() {
        // Nobody is there who could ask.
        std::future::pending::<()>().await;
    }
}

/// There is no more time.
async fn over(stop: watch::Receiver<Stop>) {
    asked(stop.clone()).await;
    let at = stop.borrow().at;
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending::<()>().await,
    }
}
