//! Working a job: sending its event, and deciding what the answer means for the job.

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use affitor::{Client, Event};
use riverqueue::{
    BoxError, Job, JobRow, WorkContext, WorkError, WorkOutcome, Worker, WorkerTimeout, jiff::Timestamp, sqlx,
};
use tracing::Instrument as _;

use crate::{
    Database, Error, Reason, backoff,
    database::REPLAYED_AT,
    dead::Output,
    delivery::Delivery,
    keeper::Alive,
    measure,
    verdict::{self, Done, Undone},
};

/// How long one call may take.
pub(crate) const CALL: Duration = Duration::from_secs(10);
/// How long a job may take: a call, and its questions to the database.
const JOB: Duration = Duration::from_secs(15);
/// How long a question to the database may take; a job that is cut off by its own limit has used an attempt.
const QUESTION: Duration = Duration::from_secs(3);

/// In a job's metadata: that a try may have arrived (of a partial refund: from before it is sent); since when the service says "not found", in seconds of Unix time; the words
/// of the last error.
const LOST: &str = "affitor_lost";
const UNKNOWN_SINCE: &str = "affitor_unknown_since";
const ERROR: &str = "affitor_error";

/// What becomes of a job.
enum Ending {
    Done(Done),
    Dead(Reason, Option<String>),
    Later(Duration, &'static str),
}

pub(crate) struct Sender<DB: Database> {
    client: Client,
    pool: sqlx::Pool<DB>,
    _alive: Alive,
}

impl<DB: Database> Worker<Delivery> for Sender<DB> {
    type Error = BoxError;

    /// After a kill: soon. The service has done nothing wrong, and River's own policy waits for hours after some kills (the
    /// fourth power of the attempts).
    fn next_retry(&self, _: &Job<Delivery>, _: &WorkError, _: Timestamp) -> Option<Duration> {
        Some(backoff::wait(Duration::ZERO, None, fastrand::f64()))
    }

    fn timeout(&self, _: &Job<Delivery>) -> WorkerTimeout {
        WorkerTimeout::After(JOB)
    }

    async fn work(&self, context: WorkContext, job: Job<Delivery>) -> Result<WorkOutcome, BoxError> {
        let event = serde_json::from_value::<Event>(job.args.event).ok();
        let kind = event.as_ref().map_or("unknown", Event::kind);
        let span = tracing::debug_span!("affitor_outbox", event = kind, id = job.row.id, attempt = job.row.attempt);
        async {
            let ending = match event {
                Some(event) => self.deliver(&context, &job.row, event).await?,
                None => Ending::Dead(Reason::Unreadable, None),
            };
            end(&context, kind, ending)
        }
        .instrument(span)
        .await
    }
}

impl<DB: Database> Sender<DB> {
    pub(crate) fn new(client: Client, pool: sqlx::Pool<DB>, alive: Alive) -> Self {
        Self { client, pool, _alive: alive }
    }

    async fn deliver(&self, context: &WorkContext, job: &JobRow, event: Event) -> Result<Ending, BoxError> {
        let age = age(job);
        match self.is_forerun(&event, job.id).await {
            Ok(false) => {}
            Ok(true) => return Ok(Ending::Later(backoff::behind(age), "behind")),
            Err(error) => return Ok(unasked(&error, age)),
        }
        let partial_refund = matches!(&event, Event::Refund(refund) if !refund.is_full());
        let mut lost = job.metadata.get_raw(LOST).is_some_and(|lost| lost.get() != "false");
        if partial_refund {
            if lost {
                return Ok(Ending::Dead(Reason::Uncertain, None));
            }
            // A repeat could take the same money twice: so that a worker that dies now is known to have begun.
            match self.ask(DB::mark_sending(&self.pool, job.id, job.attempt)).await {
                Ok(true) => {}
                Ok(false) => return Ok(Ending::Later(backoff::behind(age), "taken")),
                Err(error) => return Ok(unasked(&error, age)),
            }
        }
        // A second attempt is one whose worker has died: a snooze uses none.
        lost |= job.attempt > 1;
        match self.send(event.clone(), lost).await {
            Some(Ok(Done::NotAttributed { found: false })) => self.unknown(context, job, &event).await,
            Some(Ok(done)) => Ok(Ending::Done(done)),
            Some(Err(error)) => failed(context, &error, age, partial_refund),
            None => Ok(Ending::Dead(Reason::Unreadable, None)),
        }
    }

    /// Nothing for a kind of event that a later version of the client knows.
    async fn send(&self, event: Event, lost: bool) -> Option<Result<Done, affitor::Error>> {
        Some(match event {
            Event::Lead(lead) => self.client.track_lead(lead).await.map(|outcome| verdict::of_lead(&outcome)),
            Event::Sale(sale) => self.client.track_sale(sale).await.map(|outcome| verdict::of_sale(&outcome, lost)),
            Event::Refund(refund) => self.client.track_refund(refund).await.map(|outcome| verdict::of_refund(&outcome)),
            _ => return None,
        })
    }

    /// The service knows no such customer or sale. What it belongs to may still come: it was clicked, or its forerunner is pending
    /// behind it. The hour for that begins with the first such answer, since an outage may have taken longer.
    async fn unknown(&self, context: &WorkContext, job: &JobRow, event: &Event) -> Result<Ending, BoxError> {
        let has_click = match event {
            Event::Sale(sale) => sale.click_id.is_some(),
            Event::Lead(lead) => lead.click_id.is_some(),
            _ => false,
        };
        let now = SystemTime::now();
        // A clock that was put back has left a time that is still to come.
        let since = time(job, UNKNOWN_SINCE).map_or(now, |since| since.min(now));
        let unknown = now.duration_since(since).unwrap_or_default();
        let may_come = match self.is_forerun(event, i64::MAX).await {
            Ok(forerun) => forerun || has_click,
            Err(error) => return Ok(unasked(&error, age(job))),
        };
        if !may_come || unknown >= backoff::MAY_COME {
            return Ok(Ending::Done(Done::NotAttributed { found: false }));
        }
        context.metadata_set(UNKNOWN_SINCE, seconds(since))?;
        Ok(Ending::Later(backoff::wait(unknown, None, fastrand::f64()), "unknown"))
    }

    /// Whether an event that must arrive first is pending, among those before `id`.
    async fn is_forerun(&self, event: &Event, id: i64) -> Result<bool, Error> {
        self.ask(DB::is_forerun(&self.pool, event, id)).await
    }

    async fn ask<T>(&self, question: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let asked = tokio::time::timeout(QUESTION, question).await;
        asked.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
    }
}

fn failed(
    context: &WorkContext,
    error: &affitor::Error,
    age: Duration,
    partial_refund: bool,
) -> Result<Ending, BoxError> {
    if error.may_have_arrived() || partial_refund {
        context.metadata_set(LOST, error.may_have_arrived())?;
    }
    let words = Some(error.to_string());
    context.metadata_set(ERROR, &words)?;
    Ok(match verdict::of_error(error, partial_refund) {
        Undone::Rejected => Ending::Dead(Reason::Rejected, words),
        Undone::Uncertain => Ending::Dead(Reason::Uncertain, words),
        _ if age >= backoff::MAX_AGE => Ending::Dead(Reason::TooOld, words),
        Undone::Again { asked } => Ending::Later(backoff::wait(age, asked, fastrand::f64()), "unavailable"),
        Undone::Alarm => {
            tracing::error!(%error, "events wait in the outbox for this to be mended");
            Ending::Later(backoff::wait_for_a_person(age, fastrand::f64()), "refused")
        }
    })
}

/// The database could not say. An error would use an attempt, as if something had been sent.
fn unasked(error: &Error, age: Duration) -> Ending {
    tracing::warn!(%error, "an event waits for the outbox's database");
    Ending::Later(backoff::behind(age), "database")
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

/// Tells River, the log and the metrics.
fn end(context: &WorkContext, kind: &'static str, ending: Ending) -> Result<WorkOutcome, BoxError> {
    let (output, outcome) = match ending {
        Ending::Later(wait, why) => {
            tracing::debug!(why, ?wait, "an event is tried again later");
            measure::later(kind, why);
            return Ok(WorkOutcome::Snooze(wait));
        }
        Ending::Done(done) => {
            let (outcome, uncertain) = match done {
                Done::Recorded => ("recorded", false),
                Done::AlreadyRecorded { uncertain } => ("already_recorded", uncertain),
                Done::NotAttributed { .. } => ("not_attributed", false),
            };
            if uncertain {
                tracing::warn!(
                    "an event was known before, perhaps without its effect on the commission: check the dashboard"
                );
            }
            let output = Output { outcome: outcome.to_owned(), uncertain, ..Output::default() };
            (output, WorkOutcome::Complete)
        }
        Ending::Dead(reason, words) => {
            tracing::error!(?reason, words, "an event is a dead letter");
            let uncertain = reason == Reason::Uncertain;
            let output = Output { outcome: "dead".to_owned(), uncertain, reason: Some(reason), words };
            (output, WorkOutcome::Discard)
        }
    };
    measure::ended(kind, &output);
    context.record_output(output)?;
    Ok(outcome)
}
