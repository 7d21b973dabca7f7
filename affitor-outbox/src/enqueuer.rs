//! The enqueuer, which writes events into the outbox in the background.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use affitor::{EnqueueError, Event, EventSink};
use affitor_core::redact::Redacted;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot, watch},
    time::Instant,
};
use tracing::field::display;

use crate::{Database, Error, Outbox, delivery::NewRow, metrics};

/// Default limit of events that are not written yet.
const CAPACITY: usize = 10_000;
/// Maximum number of events in one transaction.
const BATCH: usize = 200;
/// Time limit of a transaction.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Delays after failed transactions. The last one is repeated.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// Accepts events at once, and writes them into the outbox in a task of its own. An [`affitor::EventSink`] for events
/// that belong to no transaction. Cheap to clone.
///
/// ```no_run
/// use std::time::Duration;
///
/// use affitor::{Client, Lead};
/// use affitor_outbox::{Outbox, sqlx::Sqlite};
///
/// # async fn run(outbox: Outbox<Sqlite>) -> Result<(), Box<dyn std::error::Error>> {
/// let enqueuer = outbox.enqueuer()?;
/// let client = Client::from_env()?.with_sink(enqueuer.clone()); // pass this client to the layer
///
/// client.enqueue(Lead::new("user_7")); // in a handler: nothing to await, no error to handle
///
/// // After the server has stopped: write the remaining events within 10 seconds.
/// let lost = enqueuer.shutdown(Duration::from_secs(10)).await;
/// # Ok(()) }
/// ```
///
/// Accepted events are held in memory until they are written, which takes longer while the database is unavailable.
/// They are lost if the process dies first. To commit an order and its event together, use [`Outbox::enqueue`].
#[derive(Clone)]
pub struct Enqueuer {
    events: mpsc::Sender<Message>,
    queue: Arc<str>,
    stop: Arc<watch::Sender<Stop>>,
    /// Number of events that are accepted and not written.
    pending: Arc<AtomicUsize>,
    ended: watch::Receiver<bool>,
}

/// What the writer gets.
enum Message {
    Row(NewRow),
    /// Somebody waits until everything before this is written.
    Flush(oneshot::Sender<()>),
}

/// Whether a shutdown was requested, and its deadline.
#[derive(Clone, Copy, Debug, Default)]
struct Stop {
    requested: bool,
    deadline: Option<Instant>,
}

impl fmt::Debug for Enqueuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enqueuer").field("pending", &self.pending()).finish_non_exhaustive()
    }
}

impl<DB: Database> Outbox<DB> {
    /// Returns an [`Enqueuer`], which holds up to 10,000 events that are not written yet. It writes in the current
    /// Tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns an error outside a Tokio runtime.
    pub fn enqueuer(&self) -> Result<Enqueuer, Error> {
        self.enqueuer_with_capacity(CAPACITY)
    }

    /// Like [`Outbox::enqueuer`], but holds up to `events` events (minimum: 1) in addition to the current batch of at
    /// most 200.
    ///
    /// # Errors
    ///
    /// Returns an error outside a Tokio runtime.
    pub fn enqueuer_with_capacity(&self, events: usize) -> Result<Enqueuer, Error> {
        let runtime = Handle::try_current().map_err(|_| Error::no_runtime())?;
        let (events, receiver) = mpsc::channel(events.clamp(1, Semaphore::MAX_PERMITS));
        let (stop, stops) = watch::channel(Stop::default());
        let (ended_sender, ended) = watch::channel(false);
        let pending = Arc::new(AtomicUsize::new(0));
        let writer = Writer {
            outbox: self.clone(),
            events: receiver,
            stop: stops,
            inbox: Vec::new(),
            batch: Vec::new(),
            pending: Arc::clone(&pending),
            ended: ended_sender,
        };
        runtime.spawn(writer.run());
        Ok(Enqueuer { events, queue: Arc::clone(&self.store.queue), stop: Arc::new(stop), pending, ended })
    }
}

impl Enqueuer {
    /// Returns the number of events that are accepted and not written yet.
    pub fn pending(&self) -> usize {
        self.pending.load(Ordering::SeqCst)
    }

    /// Waits until every event that was accepted before the call is written, for at most `deadline`. Returns the number of
    /// events that are not written yet: 0 if there are none. The enqueuer stays open.
    ///
    /// For jobs, tests, and functions that are frozen after their response: flush before the response is sent. What is
    /// written is not lost any more; a [worker](crate::Worker) delivers it.
    pub async fn flush(&self, deadline: Duration) -> usize {
        let (done, written) = oneshot::channel();
        let flushing = async {
            // An error means that the writer has ended.
            self.events.send(Message::Flush(done)).await.is_ok() && written.await.is_ok()
        };
        match tokio::time::timeout(deadline, flushing).await {
            Ok(true) => 0,
            _ => self.pending(),
        }
    }

    /// Closes the enqueuer, writes the remaining events, and returns the number of events that are lost because they
    /// could not be written within `deadline`. If called several times, the first deadline applies.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        let deadline = Instant::now().checked_add(deadline);
        self.stop.send_if_modified(|stop| {
            let first = !stop.requested;
            if first {
                *stop = Stop { requested: true, deadline };
            }
            first
        });
        // This fails only if the runtime has ended, and the writer with it.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
        self.pending()
    }
}

impl EventSink for Enqueuer {
    fn accept(&self, event: Event) -> Result<(), EnqueueError> {
        let row = NewRow::new(&event, &self.queue).map_err(EnqueueError::Invalid)?;
        let accepted = if self.stop.borrow().requested {
            Err(EnqueueError::Closed)
        } else {
            // Counted before sending, because the writer may finish the event first.
            self.pending.fetch_add(1, Ordering::SeqCst);
            self.events.try_send(Message::Row(row)).map_err(|refused| {
                self.pending.fetch_sub(1, Ordering::SeqCst);
                match refused {
                    mpsc::error::TrySendError::Full(_) => EnqueueError::Full,
                    mpsc::error::TrySendError::Closed(_) => EnqueueError::Closed,
                }
            })
        };
        match accepted {
            Err(EnqueueError::Full) => metrics::refused(event.kind(), "full"),
            Err(_) => metrics::refused(event.kind(), "closed"),
            Ok(()) => {}
        }
        accepted
    }
}

struct Writer<DB: Database> {
    outbox: Outbox<DB>,
    events: mpsc::Receiver<Message>,
    stop: watch::Receiver<Stop>,
    inbox: Vec<Message>,
    batch: Vec<NewRow>,
    pending: Arc<AtomicUsize>,
    ended: watch::Sender<bool>,
}

impl<DB: Database> Drop for Writer<DB> {
    /// Runs when the writer has finished, at the deadline, or when the runtime ends.
    fn drop(&mut self) {
        self.events.close();
        while let Ok(message) = self.events.try_recv() {
            self.inbox.push(message);
        }
        let accepted = self.inbox.drain(..).filter_map(|message| match message {
            Message::Row(row) => Some(row),
            Message::Flush(_) => None,
        });
        for row in self.batch.drain(..).chain(accepted) {
            let subject = row.subject.as_deref().map(|subject| display(Redacted(subject)));
            tracing::error!(
                event = row.kind,
                subject,
                "an event is lost because it could not be written to the outbox's database in time"
            );
        }
        self.ended.send_replace(true);
    }
}

impl<DB: Database> Writer<DB> {
    /// Writes until all enqueuers are dropped or closed and no events are left, or until the deadline.
    async fn run(mut self) {
        let mut closed = std::pin::pin!(closed(self.stop.clone()));
        let mut deadline = std::pin::pin!(deadline(self.stop.clone()));
        let mut open = true;
        loop {
            tokio::select! {
                taken = self.events.recv_many(&mut self.inbox, BATCH) => if taken == 0 {
                    return;
                },
                () = &mut closed, if open => {
                    self.events.close();
                    open = false;
                    continue;
                }
            }
            tokio::select! {
                () = self.write_inbox() => {}
                () = &mut deadline => return,
            }
        }
    }

    /// Writes the rows in the inbox, and tells those who wait for them.
    async fn write_inbox(&mut self) {
        // What is not taken out yet is known if this is cut off.
        self.inbox.reverse();
        while let Some(message) = self.inbox.pop() {
            match message {
                Message::Row(row) => self.batch.push(row),
                Message::Flush(done) => {
                    self.write().await;
                    // An error means that nobody waits any more.
                    done.send(()).ok();
                }
            }
        }
        self.write().await;
    }

    /// Writes the batch and retries indefinitely. If a batch was committed without confirmation, the retry skips its
    /// events as known.
    async fn write(&mut self) {
        for pause in PAUSES.into_iter().chain(std::iter::repeat(PAUSES[PAUSES.len() - 1])) {
            if self.batch.is_empty() {
                return;
            }
            let Err(error) = self.write_first(self.batch.len()).await else { return };
            // A single event may be the cause.
            let error = if error.rejects_row() { self.write_each().await } else { Some(error) };
            let Some(error) = error else { return };
            tracing::error!(%error, events = self.batch.len(), "events are held in memory because the outbox's database is unavailable");
            tokio::time::sleep(pause).await;
        }
    }

    /// Writes events one by one, and drops those that the database rejects.
    async fn write_each(&mut self) -> Option<Error> {
        while let Some(first) = self.batch.first() {
            let kind = first.kind;
            if let Err(error) = self.write_first(1).await {
                if !error.rejects_row() {
                    return Some(error);
                }
                tracing::error!(%error, event = kind, "an event is lost because the outbox's database rejects it");
                metrics::refused(kind, "unwritable");
                self.done(1);
            }
        }
        None
    }

    /// Writes the first `count` events of the batch in one transaction.
    async fn write_first(&mut self, count: usize) -> Result<(), Error> {
        let batch = self.batch.get(..count).unwrap_or_default();
        tokio::time::timeout(WRITE_TIMEOUT, self.outbox.enqueue_all(batch))
            .await
            .unwrap_or_else(|_| Err(Error::timeout()))?;
        self.done(count);
        Ok(())
    }

    fn done(&mut self, count: usize) {
        self.batch.drain(..count);
        self.pending.fetch_sub(count, Ordering::SeqCst);
    }
}

/// Waits until the enqueuer is closed.
async fn closed(mut stop: watch::Receiver<Stop>) {
    if stop.wait_for(|stop| stop.requested).await.is_err() {
        // All enqueuers are dropped, so none can be closed.
        std::future::pending::<()>().await;
    }
}

/// Waits for the deadline.
async fn deadline(stop: watch::Receiver<Stop>) {
    closed(stop.clone()).await;
    let deadline = stop.borrow().deadline;
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending::<()>().await,
    }
}
