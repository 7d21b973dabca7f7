//! The River worker: sends the event of a job and derives the job's result from the response.

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

/// Time limit of a call to the service.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit of a job: one call to the service, plus its database queries.
pub(crate) const JOB_TIMEOUT: Duration = Duration::from_secs(20);
/// Time limit of a database query. Shorter than the job's limit, because a job that times out uses up an attempt.
const QUERY_TIMEOUT: Duration = Duration::from_secs(3);

/// Longer than any delay between two attempts. After a longer gap, no worker was running.
const NO_WORKER: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// The lowest of River's four priorities.
const LOWEST_PRIORITY: i16 = 4;

// Keys in a job's metadata. Times are in seconds of Unix time.

/// Whether an earlier attempt may have arrived. For a partial refund it is set before the event is sent.
const LOST: &str = "affitor_lost";
/// Time of the first "not found" response, moved forward by delays in which the event is not sent.
const UNKNOWN_SINCE: &str = "affitor_unknown_since";
/// Time of the first failed attempt.
const FAILS_SINCE: &str = "affitor_fails_since";
/// Time of the last failed attempt.
const FAILED_AT: &str = "affitor_failed_at";
/// Message of the last error.
const ERROR: &str = "affitor_error";

pub(crate) struct Sender<DB: Database> {
    client: Client,
    pool: sqlx::Pool<DB>,
    gate: Gate,
    _alive: Alive,
}

/// Retries by the event's age, for rows that River can't read and for unexpected errors. River's own policy waits for
/// the fourth power of the number of attempts, which soon amounts to hours.
pub(crate) struct ByAge;

impl RetryPolicy for ByAge {
    fn next_retry(&self, job: &JobRow, _: &WorkError, _: Timestamp) -> Duration {
        backoff::wait(age(job), None, fastrand::f64())
    }
}

impl<DB: Database> Worker<Delivery> for Sender<DB> {
    type Error = BoxError;

    fn next_retry(&self, job: &Job<Delivery>, error: &WorkError, now: Timestamp) -> Option<Duration> {
        // The worker was killed, which is not the fault of the event, so retry soon.
        if error.to_string().contains("rescued") {
            return Some(backoff::wait(Duration::ZERO, None, fastrand::f64()));
        }
        Some(ByAge.next_retry(&job.row, error, now))
    }

    fn timeout(&self, _: &Job<Delivery>) -> WorkerTimeout {
        WorkerTimeout::After(JOB_TIMEOUT)
    }

    async fn work(&self, context: WorkContext, job: Job<Delivery>) -> Result<WorkOutcome, BoxError> {
        let event = serde_json::from_value::<Event>(job.args.event).ok();
        let kind = event.as_ref().map_or("unknown", Event::kind);
        let span = tracing::debug_span!("affitor_outbox", event = kind, id = job.row.id, attempt = job.row.attempt);
        async {
            let result = match (recorded_outcome(&job.row), event) {
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
        match self.query(DB::must_wait(&self.pool, event.waits_for(), job.id, job.id)).await {
            Ok(false) => {}
            Ok(true) => {
                // Other events go first, so that many events behind one do not delay them. A failure here loses
                // nothing.
                if job.priority < LOWEST_PRIORITY {
                    self.query(DB::put_last(&self.pool, job.id)).await.ok();
                }
                return Ok(JobResult::Later(backoff::behind(age), "behind"));
            }
            Err(error) => return Ok(database_unavailable(&error, age)),
        }
        if let Some(closed) = self.gate.closed() {
            let wait = backoff::at_least(closed, fastrand::f64());
            pause_unknown(context, job, wait)?;
            return Ok(JobResult::Later(wait, "refused"));
        }
        let retry_class = event.retry_class();
        let must_not_repeat = retry_class == RetryClass::NotIdempotent;
        let mut lost = job.metadata.get_raw(LOST).is_some_and(|lost| lost.get() != "false");
        if must_not_repeat {
            if lost {
                return Ok(JobResult::Dead(DeadReason::Uncertain, None));
            }
            // A repeat could be deducted twice, so record the attempt first, in case this process dies while sending.
            match self.query(DB::mark_sending(&self.pool, job.id, job.attempt)).await {
                Ok(true) => {}
                Ok(false) => return Ok(JobResult::Later(backoff::behind(age), "taken")),
                Err(error) => {
                    // The mark may have been written. If it can't be removed either, the refund becomes uncertain,
                    // which is safe.
                    self.query(DB::unmark_sending(&self.pool, job.id, job.attempt)).await.ok();
                    return Ok(database_unavailable(&error, age));
                }
            }
        }
        // Snoozing uses up no attempt, so after the first attempt the worker was killed or timed out.
        lost |= job.attempt > 1;
        let prior = if lost { PriorDelivery::Possible } else { PriorDelivery::Impossible };
        let result = self.client.track_event(event.clone(), prior).await;
        let may_have_arrived = result.as_ref().is_err_and(affitor::Error::may_have_arrived);
        if must_not_repeat || may_have_arrived {
            context.metadata_set(LOST, may_have_arrived)?;
        }
        match result {
            Ok(EventOutcome::NotAttributed { known: false }) => self.unknown(context, job, event).await,
            Ok(EventOutcome::AlreadyRecorded { uncertain: false }) => self.already_recorded(job, event).await,
            Ok(outcome) => Ok(JobResult::Done(outcome)),
            Err(error) => self.failed(context, job, &error, retry_class),
        }
    }

    /// Handles "not found": the service does not know the customer or sale. Both may still arrive: the customer if
    /// there is a click, and the earlier event if it is pending with a higher id. Waits for the customer for one hour
    /// from the first such response, not counting the time in which the event is not sent.
    async fn unknown(&self, context: &WorkContext, job: &JobRow, event: &Event) -> Result<JobResult, BoxError> {
        let has_click = event.ids().click_id.is_some();
        let now = SystemTime::now();
        // After a clock was set back, the stored time may be in the future.
        let since = time(job, UNKNOWN_SINCE).map_or(now, |since| since.min(now));
        let unknown = now.duration_since(since).unwrap_or_default();
        let must_wait = match self.query(DB::must_wait(&self.pool, event.waits_for(), i64::MAX, job.id)).await {
            Ok(must_wait) => must_wait,
            Err(error) => return Ok(database_unavailable(&error, age(job))),
        };
        if !must_wait && (!has_click || unknown >= backoff::MAY_ARRIVE) {
            return Ok(JobResult::Done(EventOutcome::NotAttributed { known: false }));
        }
        context.metadata_set(UNKNOWN_SINCE, seconds(since))?;
        Ok(JobResult::Later(backoff::wait(unknown, None, fastrand::f64()), "unknown"))
    }

    /// Handles an event that the service already recorded. A refund of a sale that had a partial refund is uncertain:
    /// the service's documentation does not say whether a full refund after a partial one reverses the rest of the
    /// commission.
    async fn already_recorded(&self, job: &JobRow, event: &Event) -> Result<JobResult, BoxError> {
        let mut uncertain = false;
        if let Event::Refund(refund) = event {
            let query = DB::has_partial_refund(&self.pool, &refund.transaction_id, job.id);
            uncertain = self.query(query).await.unwrap_or(true);
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
        // The 14 days begin with the first failure, and anew if no worker was running in between.
        let now = SystemTime::now();
        let had_no_worker = time(job, FAILED_AT).is_some_and(|at| at.elapsed().unwrap_or_default() > NO_WORKER);
        let first_failure = time(job, FAILS_SINCE).max(time(job, REPLAYED_AT)).filter(|_| !had_no_worker);
        let fails_since = first_failure.map_or(now, |since| since.min(now));
        context.metadata_set(FAILS_SINCE, seconds(fails_since))?;
        context.metadata_set(FAILED_AT, seconds(now))?;
        let is_old = now.duration_since(fails_since).unwrap_or_default() >= backoff::MAX_AGE;
        let (wait, reason) = match error.next_step(retry_class) {
            NextStep::Reject => return Ok(JobResult::Dead(DeadReason::Rejected, message)),
            NextStep::Review => return Ok(JobResult::Dead(DeadReason::Uncertain, message)),
            NextStep::Retry { .. } if is_old => return Ok(JobResult::Dead(DeadReason::TooOld, message)),
            NextStep::Retry { after } => (backoff::wait(age, after, fastrand::f64()), "unavailable"),
            _ => {
                if self.gate.close() {
                    tracing::error!(%error, "delivery is suspended until this is fixed; events stay in the outbox");
                }
                (backoff::wait_until_fixed(age, error.retry_after(), fastrand::f64()), "refused")
            }
        };
        pause_unknown(context, job, wait)?;
        Ok(JobResult::Later(wait, reason))
    }

    async fn query<T>(&self, query: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(QUERY_TIMEOUT, query).await.unwrap_or_else(|_| Err(Error::timeout()))
    }
}

/// Excludes a delay in which nothing is sent from the hour for "not found".
fn pause_unknown(context: &WorkContext, job: &JobRow, wait: Duration) -> Result<(), BoxError> {
    if let Some(since) = time(job, UNKNOWN_SINCE).and_then(|since| since.checked_add(wait)) {
        context.metadata_set(UNKNOWN_SINCE, seconds(since))?;
    }
    Ok(())
}

/// Returns the outcome that an earlier attempt stored in the job's output without completing the job in time.
fn recorded_outcome(job: &JobRow) -> Option<EventOutcome> {
    let output: Output = serde_json::from_str(job.metadata.get_raw(riverqueue::METADATA_KEY_OUTPUT)?.get()).ok()?;
    match output.outcome.as_str() {
        "recorded" => Some(EventOutcome::Recorded),
        "already_recorded" => Some(EventOutcome::AlreadyRecorded { uncertain: output.uncertain }),
        "not_attributed" => Some(EventOutcome::NotAttributed { known: true }),
        _ => None,
    }
}

/// Postpones an event after a failed query. Returning an error would use up an attempt, as if the event had been sent.
fn database_unavailable(error: &Error, age: Duration) -> JobResult {
    tracing::warn!(%error, "an event is postponed because the outbox's database is unavailable");
    JobResult::Later(backoff::behind(age), "database")
}

/// Returns the time since the event was enqueued or replayed. Zero if the clock was set back.
fn age(job: &JobRow) -> Duration {
    let start = time(job, REPLAYED_AT).unwrap_or_else(|| SystemTime::from(job.created_at));
    start.elapsed().unwrap_or_default()
}

/// Reads a time from a job's metadata.
fn time(job: &JobRow, name: &str) -> Option<SystemTime> {
    let seconds: u32 = serde_json::from_str(job.metadata.get_raw(name)?.get()).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(seconds.into()))
}

/// Converts a time into seconds of Unix time.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().try_into().unwrap_or(i64::MAX)
}
