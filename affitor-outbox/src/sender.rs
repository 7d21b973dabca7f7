//! Working a job: sending its event, and deciding what the response means for the job.

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use affitor::{Client, Event, EventOutcome, NextStep, PriorDelivery, RetryClass};
use riverqueue::{
    BoxError, Job, JobRow, RetryPolicy, WorkContext, WorkError, WorkOutcome, Worker, WorkerTimeout, jiff::Timestamp,
    sqlx,
};
use tracing::Instrument as _;

use crate::{
    Database, DeadReason, Error, backoff, database::REPLAYED_AT, dead::Output, delivery::Delivery, gate::Gate,
    job_result::JobResult, keeper::Alive,
};

/// How long one call may take.
pub(crate) const CALL: Duration = Duration::from_secs(10);
/// How long a job may take: a call, and its questions to the database.
pub(crate) const JOB: Duration = Duration::from_secs(20);
/// How long a question to the database may take; a job that is cut off by its own limit has used an attempt.
const QUESTION: Duration = Duration::from_secs(3);

/// Longer than an event ever waits: then its worker was away.
const AWAY: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// River's last priority, of four.
const LAST: i16 = 4;

/// In a job's metadata: that a try may have arrived (of a partial refund: from before it is sent); since when the service says "not
/// found", in seconds of Unix time; since when it fails, and when it failed last; the words of the last error.
const LOST: &str = "affitor_lost";
const UNKNOWN_SINCE: &str = "affitor_unknown_since";
const FAILS_SINCE: &str = "affitor_fails_since";
const FAILED_AT: &str = "affitor_failed_at";
const ERROR: &str = "affitor_error";

pub(crate) struct Sender<DB: Database> {
    client: Client,
    pool: sqlx::Pool<DB>,
    gate: Gate,
    _alive: Alive,
}

/// Where River can't read a row, and after what nobody has foreseen: by its age, as after any failure. River's own policy waits for
/// hours after some (the fourth power of the attempts).
pub(crate) struct ByAge;

impl RetryPolicy for ByAge {
    fn next_retry(&self, job: &JobRow, _: &WorkError, _: Timestamp) -> Duration {
        backoff::wait(age(job), None, fastrand::f64())
    }
}

impl<DB: Database> Worker<Delivery> for Sender<DB> {
    type Error = BoxError;

    fn next_retry(&self, job: &Job<Delivery>, error: &WorkError, now: Timestamp) -> Option<Duration> {
        // A kill says nothing against the event: soon.
        if error.to_string().contains("rescued") {
            return Some(backoff::wait(Duration::ZERO, None, fastrand::f64()));
        }
        Some(ByAge.next_retry(&job.row, error, now))
    }

    fn timeout(&self, _: &Job<Delivery>) -> WorkerTimeout {
        WorkerTimeout::After(JOB)
    }

    async fn work(&self, context: WorkContext, job: Job<Delivery>) -> Result<WorkOutcome, BoxError> {
        let event = serde_json::from_value::<Event>(job.args.event).ok();
        let kind = event.as_ref().map_or("unknown", Event::kind);
        let span = tracing::debug_span!("affitor_outbox", event = kind, id = job.row.id, attempt = job.row.attempt);
        async {
            let result = match (written(&job.row), event) {
                (Some(outcome), _) => JobResult::Done(outcome),
                (None, Some(event)) => self.deliver(&context, &job.row, &event).await?,
                (None, None) => JobResult::Dead(DeadReason::Unreadable, None),
            };
            result.report(&context, job.row.id, kind)
        }
        .instrument(span)
        .await
    }
}

impl<DB: Database> Sender<DB> {
    pub(crate) fn new(client: Client, pool: sqlx::Pool<DB>, alive: Alive) -> Self {
        Self { client, pool, gate: Gate::default(), _alive: alive }
    }

    async fn deliver(&self, context: &WorkContext, job: &JobRow, event: &Event) -> Result<JobResult, BoxError> {
        let age = age(job);
        match self.ask(DB::must_wait(&self.pool, event.waits_for(), job.id, job.id)).await {
            Ok(false) => {}
            Ok(true) => {
                // Others come first, so that many behind one do not hold them up. If it can't be said, nothing is lost.
                if job.priority < LAST {
                    self.ask(DB::put_last(&self.pool, job.id)).await.ok();
                }
                return Ok(JobResult::Later(backoff::behind(age), "behind"));
            }
            Err(error) => return Ok(unasked(&error, age)),
        }
        if let Some(closed) = self.gate.closed() {
            let wait = backoff::no_sooner(closed, fastrand::f64());
            stand_still(context, job, wait)?;
            return Ok(JobResult::Later(wait, "refused"));
        }
        let retry_class = event.retry_class();
        let careful = retry_class == RetryClass::NotIdempotent;
        let mut lost = job.metadata.get_raw(LOST).is_some_and(|lost| lost.get() != "false");
        if careful {
            if lost {
                return Ok(JobResult::Dead(DeadReason::Uncertain, None));
            }
            // A repeat could take the same money twice: so that a worker that dies now is known to have begun.
            match self.ask(DB::mark_sending(&self.pool, job.id, job.attempt)).await {
                Ok(true) => {}
                Ok(false) => return Ok(JobResult::Later(backoff::behind(age), "taken")),
                Err(error) => {
                    // The mark may still come to be written. If it can't be taken back, the refund is in doubt: the safe side.
                    self.ask(DB::unmark_sending(&self.pool, job.id, job.attempt)).await.ok();
                    return Ok(unasked(&error, age));
                }
            }
        }
        // A second attempt is one whose worker has died: a snooze uses none.
        lost |= job.attempt > 1;
        let prior = if lost { PriorDelivery::Possible } else { PriorDelivery::Impossible };
        let result = self.client.track_event(event.clone(), prior).await;
        let may_have_arrived = result.as_ref().is_err_and(affitor::Error::may_have_arrived);
        if careful || may_have_arrived {
            context.metadata_set(LOST, may_have_arrived)?;
        }
        match result {
            Ok(EventOutcome::NotAttributed { known: false }) => self.unknown(context, job, event).await,
            Ok(EventOutcome::AlreadyRecorded { uncertain: false }) => self.reversed_before(job, event).await,
            Ok(outcome) => Ok(JobResult::Done(outcome)),
            Err(error) => self.failed(context, job, &error, retry_class),
        }
    }

    /// The service knows no such customer or sale. What it belongs to may still come: it was clicked, or its forerunner is pending
    /// behind it. The hour for that begins with the first such answer, and stands still while there are none.
    async fn unknown(&self, context: &WorkContext, job: &JobRow, event: &Event) -> Result<JobResult, BoxError> {
        let has_click = event.ids().click_id.is_some();
        let now = SystemTime::now();
        // A clock that was put back has left a time that is still to come.
        let since = time(job, UNKNOWN_SINCE).map_or(now, |since| since.min(now));
        let unknown = now.duration_since(since).unwrap_or_default();
        let must_wait = match self.ask(DB::must_wait(&self.pool, event.waits_for(), i64::MAX, job.id)).await {
            Ok(must_wait) => must_wait,
            Err(error) => return Ok(unasked(&error, age(job))),
        };
        if !must_wait && (!has_click || unknown >= backoff::MAY_COME) {
            return Ok(JobResult::Done(EventOutcome::NotAttributed { known: false }));
        }
        context.metadata_set(UNKNOWN_SINCE, seconds(since))?;
        Ok(JobResult::Later(backoff::wait(unknown, None, fastrand::f64()), "unknown"))
    }

    /// Where a commission that was reduced once is final (the service's documents leave it open), a full refund after a partial one
    /// takes back nothing more.
    async fn reversed_before(&self, job: &JobRow, event: &Event) -> Result<JobResult, BoxError> {
        let mut uncertain = false;
        if let Event::Refund(refund) = event {
            let query = DB::has_partial_refund(&self.pool, &refund.transaction_id, job.id);
            uncertain = self.ask(query).await.unwrap_or(true);
        }
        Ok(JobResult::Done(EventOutcome::AlreadyRecorded { uncertain }))
    }

    fn failed(
        &self,
        context: &WorkContext,
        job: &JobRow,
        error: &affitor::Error,
        retry_class: RetryClass,
    ) -> Result<JobResult, BoxError> {
        let age = age(job);
        let message = Some(error.to_string());
        context.metadata_set(ERROR, &message)?;
        // Not since it was enqueued, nor since long ago: the worker may have been away.
        let now = SystemTime::now();
        let was_away = time(job, FAILED_AT).is_some_and(|at| at.elapsed().unwrap_or_default() > AWAY);
        let began = time(job, FAILS_SINCE).max(time(job, REPLAYED_AT)).filter(|_| !was_away);
        let fails_since = began.map_or(now, |since| since.min(now));
        context.metadata_set(FAILS_SINCE, seconds(fails_since))?;
        context.metadata_set(FAILED_AT, seconds(now))?;
        let is_old = now.duration_since(fails_since).unwrap_or_default() >= backoff::MAX_AGE;
        let (wait, why) = match error.next_step(retry_class) {
            NextStep::Reject => return Ok(JobResult::Dead(DeadReason::Rejected, message)),
            NextStep::Review => return Ok(JobResult::Dead(DeadReason::Uncertain, message)),
            NextStep::Retry { .. } if is_old => return Ok(JobResult::Dead(DeadReason::TooOld, message)),
            NextStep::Retry { after } => (backoff::wait(age, after, fastrand::f64()), "unavailable"),
            _ => {
                if self.gate.close() {
                    tracing::error!(%error, "events wait in the outbox until this is fixed");
                }
                (backoff::wait_for_a_person(age, error.retry_after(), fastrand::f64()), "refused")
            }
        };
        stand_still(context, job, wait)?;
        Ok(JobResult::Later(wait, why))
    }

    async fn ask<T>(&self, question: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(QUESTION, question).await.unwrap_or_else(|_| Err(Error::timeout()))
    }
}

/// While nothing is asked, the hour for "not found" does not run.
fn stand_still(context: &WorkContext, job: &JobRow, wait: Duration) -> Result<(), BoxError> {
    if let Some(since) = time(job, UNKNOWN_SINCE).and_then(|since| since.checked_add(wait)) {
        context.metadata_set(UNKNOWN_SINCE, seconds(since))?;
    }
    Ok(())
}

/// What an earlier attempt has found out and written down, when it came too late to end the job.
fn written(job: &JobRow) -> Option<EventOutcome> {
    let output: Output = serde_json::from_str(job.metadata.get_raw(riverqueue::METADATA_KEY_OUTPUT)?.get()).ok()?;
    match output.outcome.as_str() {
        "recorded" => Some(EventOutcome::Recorded),
        "already_recorded" => Some(EventOutcome::AlreadyRecorded { uncertain: output.uncertain }),
        "not_attributed" => Some(EventOutcome::NotAttributed { known: true }),
        _ => None,
    }
}

/// The database could not say. An error would use an attempt, as if something had been sent.
fn unasked(error: &Error, age: Duration) -> JobResult {
    tracing::warn!(%error, "an event waits for the outbox's database");
    JobResult::Later(backoff::behind(age), "database")
}

/// Since it was enqueued, or replayed. A clock that was put back makes it young.
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
