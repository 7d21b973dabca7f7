//! The River worker: observes, lets [`decide`](crate::decide) decide, and acts on it.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use affitor::{
    Client, Error as ClientError, Event,
    delivery::{EventOutcome, NextStep, PriorDelivery, RetryClass},
};
use riverqueue::{
    BoxError, Job, JobRow, RetryPolicy, WorkContext, WorkError, WorkOutcome, Worker, WorkerTimeout, jiff::Timestamp,
};
use tracing::Instrument as _;

use crate::{
    Database, DeadReason, Error, backoff,
    breaker::Breaker,
    database::{Store, sealed::Parameter},
    dead::{DEAD, Output},
    decide::{Facts, Observed, Postponed, Step, finish, start, unsent},
    delivery::Delivery,
    gate::Verdict,
    history::{HISTORY, History, seconds},
    keeper::Alive,
    metrics,
};

/// Time limit of a call to the service, including reading a changed key and repeating the call with it.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit of a database query. Shorter than the job's limit, because a job that times out uses up an attempt.
const QUERY_TIMEOUT: Duration = Duration::from_secs(3);
/// Time limit of a job: one call and three queries.
pub(crate) const JOB_TIMEOUT: Duration = Duration::from_secs(20);

/// How long an event of another program is left to its own worker.
const OTHER_PROGRAM: Duration = Duration::from_secs(5 * 60);

/// The lowest of River's four priorities.
const LOWEST_PRIORITY: i16 = 4;

pub(crate) struct Sender<DB: Database> {
    client: Client,
    store: Store<DB>,
    breaker: Arc<Breaker>,
    _alive: Alive,
}

/// Retries soon after the first failed attempts, and later up to 15 minutes apart. An attempt fails if its worker is
/// killed or times out, or if River can't read the row. River's own policy waits for the fourth power of the number of
/// attempts, which soon amounts to hours.
pub(crate) struct ByAttempts;

impl RetryPolicy for ByAttempts {
    fn next_retry(&self, job: &JobRow, _: &WorkError, _: Timestamp) -> Duration {
        backoff::after_attempts(job.attempt, fastrand::f64())
    }
}

impl<DB: Database> Worker<Delivery> for Sender<DB> {
    type Error = BoxError;

    fn next_retry(&self, job: &Job<Delivery>, error: &WorkError, now: Timestamp) -> Option<Duration> {
        Some(ByAttempts.next_retry(&job.row, error, now))
    }

    fn timeout(&self, _: &Job<Delivery>) -> WorkerTimeout {
        WorkerTimeout::After(JOB_TIMEOUT)
    }

    async fn work(&self, context: WorkContext, job: Job<Delivery>) -> Result<WorkOutcome, BoxError> {
        let Job { args, row, .. } = job;
        let event = serde_json::from_value::<Event>(args.event).ok();
        let kind = event.as_ref().map_or("unknown", Event::kind);
        let span = tracing::debug_span!("affitor_outbox", event = kind, id = row.id, attempt = row.attempt);
        async {
            if row.queue != *self.store.queue {
                tracing::error!(
                    queue = row.queue,
                    "this River works the queue of another program, which needs its own worker"
                );
                return Ok(WorkOutcome::Snooze(OTHER_PROGRAM));
            }
            let must_not_repeat = event.as_ref().is_some_and(|event| event.retry_class() == RetryClass::NotIdempotent);
            let mut history = History::of(&row.metadata);
            let (step, verdict) = match (recorded_outcome(&row), event) {
                (Some(outcome), _) => (Step::Done(outcome), Verdict::Unknown),
                (None, Some(event)) => self.deliver(&row, &event, &mut history).await,
                (None, None) => (Step::Dead(DeadReason::Unreadable, None), Verdict::Unknown),
            };
            self.breaker.apply(context.client(), &row.queue, row.id, verdict);
            // Marks the history, in case this result is late and replaces what a later attempt has stored.
            history.attempt = must_not_repeat.then_some(row.attempt);
            // Also if it became the default: a history may be stored from before.
            if history != History::default() || row.metadata.get_raw(HISTORY).is_some() {
                context.metadata_set(HISTORY, &history)?;
            }
            carry_out(step, &context, row.id, kind)
        }
        .instrument(span)
        .await
    }
}

impl<DB: Database> Sender<DB> {
    pub(crate) fn new(client: Client, store: Store<DB>, breaker: Arc<Breaker>, alive: Alive) -> Self {
        Self { client, store, breaker, _alive: alive }
    }

    /// Makes an attempt to deliver an event. Also returns what the attempt says about the service.
    async fn deliver(&self, row: &JobRow, event: &Event, history: &mut History) -> (Step, Verdict) {
        let facts = Facts {
            retry_class: event.retry_class(),
            has_click: event.ids().click_id.is_some(),
            attempt: row.attempt,
            created_at: seconds(row.created_at.into()),
            now: seconds(SystemTime::now()),
            random: fastrand::f64(),
        };
        let behind = self.query(DB::must_wait(&self.store, event.waits_for(), row.id, row.id)).await;
        let before = history.clone();
        let prior = match start(&facts, history, behind, self.breaker.view()) {
            Ok(prior) => prior,
            Err(step) => {
                if matches!(step, Step::Later(_, Postponed::Behind)) && row.priority < LOWEST_PRIORITY {
                    // Other events go first, so that many events behind one do not delay them. A failure loses nothing.
                    self.run(&self.store.sql.put_last, vec![row.id.into()]).await;
                }
                return (step, Verdict::Unknown);
            }
        };
        if facts.retry_class == RetryClass::NotIdempotent {
            let not_sent = match self.set_history(row, history).await {
                Some(1..) => None,
                Some(0) => Some(Postponed::TakenOver),
                None => {
                    // It may have been written. If it can't be undone either, the refund becomes uncertain, which is safe.
                    self.set_history(row, &before).await;
                    Some(Postponed::Database)
                }
            };
            if let Some(reason) = not_sent {
                *history = before;
                return (unsent(&facts, history, reason), Verdict::Unknown);
            }
        }
        let (observed, verdict) = self.send(row, event, prior).await;
        let facts = Facts { now: seconds(SystemTime::now()), ..facts };
        (finish(&facts, history, observed), verdict)
    }

    async fn send(&self, row: &JobRow, event: &Event, prior: PriorDelivery) -> (Observed, Verdict) {
        let observed = match self.client.track_event(event.clone(), prior).await {
            Ok(EventOutcome::NotAttributed { known: false }) => {
                let pending = self.query(DB::must_wait(&self.store, event.waits_for(), i64::MAX, row.id)).await;
                Observed::NotFound { pending }
            }
            Ok(EventOutcome::AlreadyRecorded { uncertain: false }) => {
                let partial_refund = match event {
                    Event::Refund(refund) => {
                        self.query(DB::has_partial_refund(&self.store, &refund.transaction_id, row.id)).await
                    }
                    _ => Some(false),
                };
                Observed::AlreadyRecorded { uncertain: false, partial_refund }
            }
            Ok(outcome) => Observed::Delivered(outcome),
            Err(error) => return failed(&error, event.retry_class()),
        };
        (observed, Verdict::Works)
    }

    /// Stores a history while the event is being sent. Returns 0 if another attempt has taken the event over.
    async fn set_history(&self, row: &JobRow, history: &History) -> Option<u64> {
        self.run(&self.store.sql.set_history, vec![row.id.into(), row.attempt.into(), history.to_json().into()]).await
    }

    async fn run(&self, sql: &Arc<str>, parameters: Vec<Parameter>) -> Option<u64> {
        self.query(DB::run_alone(&self.store, sql, parameters)).await
    }

    /// Runs a query, and returns `None` if it fails. Returning an error from the job would use up an attempt, as if the
    /// event had been sent.
    async fn query<T>(&self, query: impl Future<Output = Result<T, Error>>) -> Option<T> {
        let result = tokio::time::timeout(QUERY_TIMEOUT, query).await.unwrap_or_else(|_| Err(Error::timeout()));
        result.inspect_err(|error| tracing::warn!(%error, "the outbox's database is unavailable")).ok()
    }
}

fn failed(error: &ClientError, retry_class: RetryClass) -> (Observed, Verdict) {
    let next_step = error.next_step(retry_class);
    let retry_after = error.retry_after();
    let verdict = match next_step {
        // The client itself rejects the event.
        _ if error.is_invalid() => Verdict::Unknown,
        NextStep::Reject => Verdict::Works,
        _ if error.is_unauthorized() => Verdict::WrongKey(retry_after),
        // A wrong URL fails for all events. A single one that always gets a 404 must not stop the others.
        _ => Verdict::Unavailable(retry_after),
    };
    let may_have_arrived = error.may_have_arrived();
    (Observed::Failed { next_step, may_have_arrived, retry_after, message: error.to_string() }, verdict)
}

/// Reports the step to the log and the metrics, and returns it as River's outcome.
fn carry_out(step: Step, context: &WorkContext, id: i64, event: &'static str) -> Result<WorkOutcome, BoxError> {
    let (output, outcome) = match step {
        Step::Later(wait, reason) => {
            let reason = reason.name();
            tracing::debug!(reason, ?wait, "an event is postponed");
            metrics::postponed(event, reason);
            return Ok(WorkOutcome::Snooze(wait));
        }
        Step::Done(outcome) => {
            let elsewhere = outcome == EventOutcome::RecordedElsewhere;
            let (label, uncertain) = match outcome {
                EventOutcome::AlreadyRecorded { uncertain } => ("already_recorded", uncertain),
                // The client has logged it.
                EventOutcome::RecordedElsewhere => ("already_recorded", true),
                EventOutcome::NotAttributed { .. } => ("not_attributed", false),
                _ => ("recorded", false),
            };
            if uncertain && !elsewhere {
                tracing::warn!(
                    id,
                    event,
                    "an event was already recorded, possibly without its effect on the commission: check the dashboard"
                );
            }
            (Output { outcome: label.to_owned(), uncertain, elsewhere, ..Output::default() }, WorkOutcome::Complete)
        }
        Step::Dead(reason, message) => {
            tracing::error!(id, event, ?reason, message, "an event is a dead letter");
            let uncertain = reason == DeadReason::Uncertain;
            let output =
                Output { outcome: "dead".to_owned(), uncertain, reason: Some(reason), message, ..Output::default() };
            // A late response to an earlier attempt may replace the output, but not this.
            context.metadata_set(DEAD, &output)?;
            (output, WorkOutcome::Discard)
        }
    };
    metrics::finished(event, &output);
    context.record_output(output)?;
    Ok(outcome)
}

/// Returns the outcome that an earlier attempt stored in the job's output without completing the job in time.
fn recorded_outcome(job: &JobRow) -> Option<EventOutcome> {
    let output: Output = serde_json::from_str(job.metadata.get_raw(riverqueue::METADATA_KEY_OUTPUT)?.get()).ok()?;
    match output.outcome.as_str() {
        "recorded" => Some(EventOutcome::Recorded),
        "already_recorded" if output.elsewhere => Some(EventOutcome::RecordedElsewhere),
        "already_recorded" => Some(EventOutcome::AlreadyRecorded { uncertain: output.uncertain }),
        "not_attributed" => Some(EventOutcome::NotAttributed { known: true }),
        _ => None,
    }
}
