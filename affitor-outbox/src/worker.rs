//! Delivering what is in the outbox.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use affitor::{Client, ClientBuilder, Event};
use riverqueue::{
    BoxError, Job, JobRow, MaintenanceConfig, QueueConfig, Retention, RetryPolicy, RunHandle, WorkContext, WorkError,
    WorkOutcome, Workers, sqlx,
};

use crate::{
    Database, Error, Outbox, Reason, backoff,
    database::REPLAYED_AT,
    dead::Output,
    delivery::{Delivery, QUEUE},
    verdict::{self, Done, Undone},
};

/// How long one call may take. A job may take longer by a little, and is rescued when its worker is gone for a minute.
const CALL: Duration = Duration::from_secs(10);
const JOB: Duration = Duration::from_secs(15);
const RESCUE_AFTER: Duration = Duration::from_secs(60);
/// How long a question to the database may take; a job that is cut off by its own limit has used an attempt.
const QUESTION: Duration = Duration::from_secs(3);

/// In a job's metadata: that a try may have arrived; since when the service says "not found", in seconds of Unix time.
const LOST: &str = "affitor_lost";
const UNKNOWN_SINCE: &str = "affitor_unknown_since";

/// Makes a [`Worker`].
#[must_use = "a builder does nothing until it starts"]
pub struct WorkerBuilder<DB: Database> {
    outbox: Outbox<DB>,
    client: ClientBuilder,
    senders: usize,
    completed_kept: Duration,
}

impl<DB: Database> fmt::Debug for WorkerBuilder<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerBuilder")
            .field("client", &self.client)
            .field("senders", &self.senders)
            .finish_non_exhaustive()
    }
}

impl<DB: Database> WorkerBuilder<DB> {
    pub(crate) fn new(outbox: Outbox<DB>, client: ClientBuilder) -> Self {
        Self { outbox, client, senders: 50, completed_kept: Duration::from_secs(30 * 24 * 60 * 60) }
    }

    /// Sets how many events are sent at a time: 50 unless set, and at least 1.
    pub fn senders(mut self, senders: usize) -> Self {
        self.senders = senders.max(1);
        self
    }

    /// Sets for how long what is delivered is kept, and with it the memory that it was: 30 days unless set. The books count what
    /// is kept.
    pub fn completed_kept(mut self, for_so_long: Duration) -> Self {
        self.completed_kept = for_so_long;
        self
    }

    /// Starts it, in the runtime that this is called in.
    ///
    /// # Errors
    ///
    /// When the client can't be made (there is no key), the database fails or is not migrated, and where the tables hold jobs of
    /// an app's own: River gives up stuck jobs of kinds that it does not know, and so would this worker. (On Postgres a schema
    /// keeps them apart.)
    pub async fn start(self) -> Result<Worker, Error> {
        // River tries again, and remembers what was lost; the client must not do so on its own.
        let client = self.client.max_attempts(1).timeout(CALL).request_timeout(CALL).build()?;
        if let Some(kind) = DB::foreign_kind(&self.outbox.pool).await? {
            return Err(Error::foreign(kind));
        }
        let sender = Arc::new(Sender { client, outbox: self.outbox.clone() });
        let mut workers = Workers::new();
        workers.add_fn(move |context: WorkContext, job: Job<Delivery>| {
            let sender = Arc::clone(&sender);
            async move { sender.work(&context, &job).await }
        })?;
        let maintenance = MaintenanceConfig::default()
            .with_rescue_after(RESCUE_AFTER)
            .with_rescuer_interval(Duration::from_secs(10))
            .with_scheduler_interval(Duration::from_secs(1))
            .with_completed_job_retention(Retention::DeleteAfter(self.completed_kept))
            .with_discarded_job_retention(Retention::Keep)
            .with_cancelled_job_retention(Retention::Keep);
        let river = DB::client(&self.outbox.pool)?
            .workers(workers)
            .queue(QUEUE, QueueConfig::new(self.senders))
            .fetch_cooldown(Duration::from_millis(20))
            .job_timeout(JOB)
            .retry_policy(Soon)
            .maintenance(maintenance)
            .build()?;
        Ok(Worker { handle: river.start()? })
    }
}

/// A worker that is running. Dropped, it stops at once: what it was sending is tried again.
#[must_use = "a worker stops when it is dropped"]
pub struct Worker {
    handle: RunHandle,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    /// Waits until it has stopped by itself, which it should not: with an error of River's. Dropping the future changes nothing.
    ///
    /// # Errors
    ///
    /// Why it has stopped.
    pub async fn wait(&mut self) -> Result<(), Error> {
        Ok(self.handle.wait().await?)
    }

    /// Takes nothing more from the outbox, and waits for what is being sent: 15 seconds at most, and longer where the database
    /// does not answer. The rest stays for the next worker.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn shutdown(mut self) -> Result<(), Error> {
        Ok(self.handle.stop().await?)
    }
}

/// After a kill: soon. The service has done nothing wrong, and River's own policy waits for hours after some kills (the fourth
/// power of the attempts).
struct Soon;

impl RetryPolicy for Soon {
    fn next_retry(&self, _job: &JobRow, _error: &WorkError, _now: riverqueue::jiff::Timestamp) -> Duration {
        backoff::wait(Duration::ZERO, None, fastrand::f64())
    }
}

struct Sender<DB: Database> {
    client: Client,
    outbox: Outbox<DB>,
}

impl<DB: Database> Sender<DB> {
    async fn work(&self, context: &WorkContext, job: &Job<Delivery>) -> Result<WorkOutcome, BoxError> {
        let Ok(event) = serde_json::from_value::<Event>(job.args.event.clone()) else {
            return dead(context, Reason::Unreadable, None);
        };
        let age = age(&job.row);
        match self.is_forerun(&event, job.row.id).await {
            Ok(false) => {}
            Ok(true) => return Ok(WorkOutcome::Snooze(backoff::behind(age))),
            Err(error) => return Ok(unasked(&error, age)),
        }
        let partial_refund = matches!(&event, Event::Refund(refund) if !refund.is_full());
        // A second attempt is one whose worker has died: a snooze uses none.
        let lost = job.row.attempt > 1 || job.row.metadata.get_raw(LOST).is_some();
        if lost && partial_refund {
            return dead(context, Reason::Uncertain, None);
        }
        let has_click = match &event {
            Event::Sale(sale) => sale.click_id.is_some(),
            Event::Lead(lead) => lead.click_id.is_some(),
            _ => false,
        };
        let pending = event.clone();
        let answer = match event {
            Event::Lead(lead) => self.client.track_lead(lead).await.map(|outcome| verdict::of_lead(&outcome)),
            Event::Sale(sale) => self.client.track_sale(sale).await.map(|outcome| verdict::of_sale(&outcome, lost)),
            Event::Refund(refund) => self.client.track_refund(refund).await.map(|outcome| verdict::of_refund(&outcome)),
            _ => return dead(context, Reason::Unreadable, None),
        };
        let error = match answer {
            Ok(Done::NotAttributed { found: false }) => {
                // What it belongs to may still come: it was clicked, or its forerunner is pending behind it. The hour for that
                // begins with the first such answer, since an outage may have taken longer.
                let since = time(&job.row, UNKNOWN_SINCE).unwrap_or_else(SystemTime::now);
                let unknown = since.elapsed().unwrap_or_default();
                let may_come = match self.is_forerun(&pending, i64::MAX).await {
                    Ok(forerun) => forerun || has_click,
                    Err(error) => return Ok(unasked(&error, age)),
                };
                if !may_come || unknown >= backoff::MAY_COME {
                    return done(context, Done::NotAttributed { found: false });
                }
                context.metadata_set(UNKNOWN_SINCE, seconds(since))?;
                return Ok(WorkOutcome::Snooze(backoff::wait(unknown, None, fastrand::f64())));
            }
            Ok(outcome) => return done(context, outcome),
            Err(error) => error,
        };
        if error.may_have_arrived() {
            context.metadata_set(LOST, true)?;
        }
        let words = Some(error.to_string());
        context.metadata_set("affitor_error", &words)?;
        match verdict::of_error(&error, partial_refund) {
            Undone::Rejected => dead(context, Reason::Rejected, words),
            Undone::Uncertain => dead(context, Reason::Uncertain, words),
            _ if age >= backoff::MAX_AGE => dead(context, Reason::TooOld, words),
            Undone::Again { asked } => Ok(WorkOutcome::Snooze(backoff::wait(age, asked, fastrand::f64()))),
            Undone::Alarm => {
                tracing::error!(%error, "events wait in the outbox for this to be mended");
                Ok(WorkOutcome::Snooze(backoff::wait_for_a_person(age, fastrand::f64())))
            }
        }
    }

    /// Whether an event that must arrive first is pending, among those before `id`.
    async fn is_forerun(&self, event: &Event, id: i64) -> Result<bool, Error> {
        let asked = tokio::time::timeout(QUESTION, DB::is_forerun(&self.outbox.pool, event, id)).await;
        asked.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
    }
}

/// The database could not say. An error would use an attempt, as if something had been sent.
fn unasked(error: &Error, age: Duration) -> WorkOutcome {
    tracing::warn!(%error, "an event waits for the outbox's database");
    WorkOutcome::Snooze(backoff::behind(age))
}

/// Since it was enqueued, or replayed.
fn age(job: &JobRow) -> Duration {
    let began = time(job, REPLAYED_AT).unwrap_or_else(|| SystemTime::from(job.created_at));
    began.elapsed().unwrap_or_default()
}

/// A time in a job's metadata.
fn time(job: &JobRow, name: &str) -> Option<SystemTime> {
    let seconds: u32 = serde_json::from_str(job.metadata.get_raw(name)?.get()).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(seconds.into()))
}

pub(crate) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().try_into().unwrap_or(i64::MAX)
}

fn done(context: &WorkContext, done: Done) -> Result<WorkOutcome, BoxError> {
    let (outcome, uncertain) = match done {
        Done::Recorded => ("recorded", false),
        Done::AlreadyRecorded { uncertain } => ("already_recorded", uncertain),
        Done::NotAttributed { .. } => ("not_attributed", false),
    };
    if uncertain {
        tracing::warn!("an event was known before, perhaps without its effect on the commission: check the dashboard");
    }
    end(context, Output { outcome: outcome.to_owned(), uncertain, ..Output::default() }, WorkOutcome::Complete)
}

fn dead(context: &WorkContext, reason: Reason, words: Option<String>) -> Result<WorkOutcome, BoxError> {
    tracing::error!(?reason, words, "an event is a dead letter");
    let uncertain = reason == Reason::Uncertain;
    end(context, Output { outcome: "dead".to_owned(), uncertain, reason: Some(reason), words }, WorkOutcome::Discard)
}

fn end(context: &WorkContext, output: Output, outcome: WorkOutcome) -> Result<WorkOutcome, BoxError> {
    context.record_output(output)?;
    Ok(outcome)
}
