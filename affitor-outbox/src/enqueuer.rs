//! Putting events into the outbox from where nobody can wait.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

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
    /// How many events are taken and not written.
    pending: Arc<AtomicUsize>,
    ended: watch::Receiver<bool>,
}

/// Whether nothing more is taken, and until when is written what there is.
#[derive(Clone, Copy, Debug, Default)]
struct Stop {
    asked: bool,
    at: Option<Instant>,
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
        let (tell_end, ended) = watch::channel(false);
        let pending = Arc::new(AtomicUsize::new(0));
        let writer = Writer {
            outbox: self.clone(),
            events: receiver,
            stop: stops,
            batch: Vec::new(),
            pending: Arc::clone(&pending),
            ended: tell_end,
        };
        runtime.spawn(writer.run());
        Ok(Enqueuer { events, stop: Arc::new(stop), pending, ended })
    }
}

impl Enqueuer {
    /// How many events are taken and not written yet.
    pub fn pending(&self) -> usize {
        self.pending.load(Ordering::SeqCst)
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
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
        self.pending()
    }
}

impl Deliver for Enqueuer {
    fn deliver(&self, event: Event) -> Result<(), NotQueued> {
        let delivery = Delivery::new(&event).map_err(NotQueued::Invalid)?;
        let taken = if self.stop.borrow().asked {
            Err(NotQueued::Closed)
        } else {
            // Before it is sent: the writer may be faster than this.
            self.pending.fetch_add(1, Ordering::SeqCst);
            self.events.try_send(delivery).map_err(|refused| {
                self.pending.fetch_sub(1, Ordering::SeqCst);
                match refused {
                    mpsc::error::TrySendError::Full(_) => NotQueued::Full,
                    mpsc::error::TrySendError::Closed(_) => NotQueued::Closed,
                }
            })
        };
        match taken {
            Err(NotQueued::Full) => measure::refused(event.kind(), "full"),
            Err(_) => measure::refused(event.kind(), "closed"),
            Ok(()) => {}
        }
        taken
    }
}

struct Writer<DB: Database> {
    outbox: Outbox<DB>,
    events: mpsc::Receiver<Delivery>,
    stop: watch::Receiver<Stop>,
    batch: Vec<Delivery>,
    pending: Arc<AtomicUsize>,
    ended: watch::Sender<bool>,
}

impl<DB: Database> Drop for Writer<DB> {
    /// It is done, has no more time, or its runtime ends.
    fn drop(&mut self) {
        self.events.close();
        let events = self.pending.load(Ordering::SeqCst);
        if events > 0 {
            tracing::error!(events, "events are lost: the outbox's database did not take them in time");
        }
        self.ended.send_replace(true);
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
            tokio::select! {
                () = self.write() => {}
                () = &mut over => return,
            }
        }
    }

    /// Writes what is in hand, however long it takes. What was written and not confirmed is written again, and is known then.
    async fn write(&mut self) {
        for pause in PAUSES.into_iter().chain(std::iter::repeat(PAUSES[PAUSES.len() - 1])) {
            let Err(error) = self.write_first(self.batch.len()).await else { return };
            // One of them may be at fault.
            let error = if error.refuses_row() { self.write_each().await } else { Some(error) };
            let Some(error) = error else { return };
            tracing::error!(%error, events = self.batch.len(), "events wait for the outbox's database");
            tokio::time::sleep(pause).await;
        }
    }

    /// One by one, without those that the database refuses.
    async fn write_each(&mut self) -> Option<Error> {
        while let Some(first) = self.batch.first() {
            let kind = first.kind();
            if let Err(error) = self.write_first(1).await {
                if !error.refuses_row() {
                    return Some(error);
                }
                tracing::error!(%error, event = kind, "an event is lost: the outbox's database refuses it");
                measure::refused(kind, "unwritable");
                self.done(1);
            }
        }
        None
    }

    async fn write_first(&mut self, count: usize) -> Result<(), Error> {
        let batch = self.batch.get(..count).unwrap_or_default();
        tokio::time::timeout(WRITE, self.outbox.enqueue_all(batch)).await.unwrap_or_else(|_| Err(Error::timeout()))?;
        self.done(count);
        Ok(())
    }

    fn done(&mut self, count: usize) {
        self.batch.drain(..count);
        self.pending.fetch_sub(count, Ordering::SeqCst);
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
