//! What happens next with an event: a pure function of what is known about it and what was observed.
//!
//! The README's tables of guarantees and dead letters describe these rules.
//!
//! What happens next with an event is a pure function of its history, the gate, the earlier events and the response (`decide.rs`).
//! `sender.rs` observes and acts. The history is one struct in the row's metadata (`history.rs`). Waiting is a snooze, which uses no
//! attempt and records no error, so a row does not grow. A second attempt therefore means that a worker died and that its call may
//! have arrived. A partial refund must know that exactly, so its history is stored before it is sent. A worker's client makes one
//! attempt: River retries. `backoff.rs`, which is pure, decides when.

use std::time::Duration;

use affitor::delivery::{EventOutcome, NextStep, PriorDelivery, RetryClass};

use crate::{
    DeadReason, backoff,
    gate::GateView,
    history::{History, between},
};

/// Longer than any delay between two attempts. After a longer gap, nobody tried to deliver the event.
const NOBODY_TRIED: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Longer than any delay of an unknown customer.
const LONGEST_GAP: Duration = Duration::from_secs(30 * 60);

/// What is known about an event during an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) retry_class: RetryClass,
    /// Whether the event has a click id, so that its customer may still become known.
    pub(crate) has_click: bool,
    /// Number of this attempt. Postponing uses up none, so after the first one a worker was killed or timed out.
    pub(crate) attempt: i32,
    /// When the event was enqueued, in seconds of Unix time.
    pub(crate) created_at: u64,
    /// Current time in seconds of Unix time.
    pub(crate) now: u64,
    /// Random number between 0 and 1.
    pub(crate) random: f64,
}

impl Facts {
    /// Returns the time since the event was enqueued or replayed. Zero if the clock was set back.
    pub(crate) fn age(&self, history: &History) -> Duration {
        between(history.replayed_at.unwrap_or(self.created_at), self.now)
    }
}

/// What was observed when an event was sent. `None` stands for a query that failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Observed {
    /// The service recorded the event, or credits no partner.
    Delivered(EventOutcome),
    /// The service knows this event already. For a refund: whether the sale has another partial refund.
    AlreadyRecorded { uncertain: bool, partial_refund: Option<bool> },
    /// The service does not know the customer or the sale. Whether an event that would tell it is pending.
    NotFound { pending: Option<bool> },
    /// The call failed.
    Failed { next_step: NextStep, may_have_arrived: bool, retry_after: Option<Duration>, message: String },
}

/// What happens next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// It is delivered.
    Done(EventOutcome),
    /// Delivery failed permanently, with the message of the service.
    Dead(DeadReason, Option<String>),
    /// Retry after this delay.
    Later(Duration, Postponed),
}

/// Why an event is postponed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Postponed {
    /// An earlier event that it depends on is pending.
    Behind,
    /// Delivery is suspended.
    Suspended,
    /// The service or the network is unavailable.
    Unavailable,
    /// The API key or the URL is wrong.
    WrongKey,
    /// The service does not know the customer or the sale yet.
    Unknown,
    /// The outbox's database is unavailable.
    Database,
    /// Another worker sends it.
    TakenOver,
}

impl Postponed {
    /// Name in logs and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Behind => "behind",
            Self::Suspended => "suspended",
            Self::Unavailable => "unavailable",
            Self::WrongKey => "wrong_key",
            Self::Unknown => "unknown",
            Self::Database => "database",
            Self::TakenOver => "taken_over",
        }
    }
}

/// Decides whether an event is sent now, and updates the history. If it must not be repeated, the history is stored before it is sent.
/// `behind` says whether an earlier event that it depends on is pending; `None` if that query failed.
///
/// # Errors
///
/// Returns what happens instead.
pub(crate) fn start(
    facts: &Facts,
    history: &mut History,
    behind: Option<bool>,
    gate: GateView,
) -> Result<PriorDelivery, Step> {
    let must_not_repeat = facts.retry_class == RetryClass::NotIdempotent;
    match (behind, gate) {
        (Some(true), _) => return Err(unsent(facts, history, Postponed::Behind)),
        (None, _) => return Err(unsent(facts, history, Postponed::Database)),
        (Some(false), GateView::Closed(wait)) => {
            return Err(suspended(history, backoff::at_least(wait, facts.random)));
        }
        // Not the event to find out with whether the service works again.
        (Some(false), GateView::Probing) if must_not_repeat => {
            let wait = backoff::behind(facts.age(history)).max(Duration::from_secs(5));
            return Err(suspended(history, wait));
        }
        (Some(false), GateView::Probing | GateView::Open) => {}
    }
    // The second condition: a late result of an earlier attempt has replaced what the last attempt stored.
    if must_not_repeat && (history.may_have_arrived || history.attempt.is_some_and(|stored| stored + 1 < facts.attempt))
    {
        return Err(Step::Dead(DeadReason::Uncertain, history.error.clone()));
    }
    let lost = history.may_have_arrived || facts.attempt > 1;
    // Stored before the event is sent, in case this process dies while sending.
    history.may_have_arrived |= must_not_repeat;
    history.attempt = must_not_repeat.then_some(facts.attempt);
    Ok(if lost { PriorDelivery::Possible } else { PriorDelivery::Impossible })
}

/// What happens to an event that was not sent, for a reason that has nothing to do with the service.
pub(crate) fn unsent(facts: &Facts, history: &History, reason: Postponed) -> Step {
    Step::Later(backoff::behind(facts.age(history)), reason)
}

/// Decides what happens to an event that was sent, and updates the history.
pub(crate) fn finish(facts: &Facts, history: &mut History, observed: Observed) -> Step {
    let must_not_repeat = facts.retry_class == RetryClass::NotIdempotent;
    match observed {
        Observed::Delivered(outcome) => {
            history.may_have_arrived &= !must_not_repeat;
            Step::Done(outcome)
        }
        Observed::AlreadyRecorded { uncertain, partial_refund } => {
            history.may_have_arrived &= !must_not_repeat;
            // The service's documentation does not say whether a full refund after a partial one reverses the rest of
            // the commission.
            let uncertain = uncertain || partial_refund.unwrap_or(true);
            Step::Done(EventOutcome::AlreadyRecorded { uncertain })
        }
        Observed::NotFound { pending } => {
            history.may_have_arrived &= !must_not_repeat;
            not_found(facts, history, pending)
        }
        Observed::Failed { next_step, may_have_arrived, retry_after, message } => {
            history.may_have_arrived = may_have_arrived || history.may_have_arrived && !must_not_repeat;
            history.error = Some(message.clone());
            failed(facts, history, next_step, retry_after, message)
        }
    }
}

/// Both the customer and the sale may still arrive: the customer if there is a click, and the earlier event if it is
/// pending with a higher id. Waits for the customer for an hour from the first such response, not counting the time in
/// which the event is not sent.
fn not_found(facts: &Facts, history: &mut History, pending: Option<bool>) -> Step {
    let Some(pending) = pending else {
        return Step::Later(backoff::behind(facts.age(history)), Postponed::Database);
    };
    // After a clock was set back, the stored time may be in the future.
    let since = history.unknown_since.map_or(facts.now, |since| since.min(facts.now));
    // Longer gaps are times in which nothing was sent.
    let gap = history.unknown_at.map(|at| between(at, facts.now)).filter(|gap| *gap > LONGEST_GAP);
    let since = since.saturating_add(gap.unwrap_or_default().as_secs()).min(facts.now);
    let unknown = between(since, facts.now);
    if !pending && (!facts.has_click || unknown >= backoff::MAY_ARRIVE) {
        return Step::Done(EventOutcome::NotAttributed { known: false });
    }
    (history.unknown_since, history.unknown_at) = (Some(since), Some(facts.now));
    Step::Later(backoff::wait(unknown, None, facts.random), Postponed::Unknown)
}

fn failed(
    facts: &Facts,
    history: &mut History,
    next_step: NextStep,
    retry_after: Option<Duration>,
    message: String,
) -> Step {
    let age = facts.age(history);
    let (wait, reason) = match next_step {
        NextStep::Reject => return Step::Dead(DeadReason::Rejected, Some(message)),
        NextStep::Review => return Step::Dead(DeadReason::Uncertain, Some(message)),
        NextStep::Retry { after } => {
            // The 14 days begin with the first failure. They begin anew after a replay, and if nobody tried for long.
            let nobody_tried = history.failed_at.is_some_and(|at| between(at, facts.now) > NOBODY_TRIED);
            let since = history.failing_since.max(history.replayed_at).filter(|_| !nobody_tried);
            let since = since.map_or(facts.now, |since| since.min(facts.now));
            (history.failing_since, history.failed_at) = (Some(since), Some(facts.now));
            if between(since, facts.now) >= backoff::MAX_AGE {
                return Step::Dead(DeadReason::TooOld, Some(message));
            }
            (backoff::wait(age, after, facts.random), Postponed::Unavailable)
        }
        // This is not about the event: while it waits for a person, it does not get too old.
        _ => {
            (history.failing_since, history.failed_at) = (None, None);
            (backoff::wait_until_fixed(age, retry_after, facts.random), Postponed::WrongKey)
        }
    };
    pause_unknown(history, wait);
    Step::Later(wait, reason)
}

fn suspended(history: &mut History, wait: Duration) -> Step {
    pause_unknown(history, wait);
    Step::Later(wait, Postponed::Suspended)
}

/// Excludes a delay in which nothing is sent from the hour for "not found".
fn pause_unknown(history: &mut History, wait: Duration) {
    for time in [&mut history.unknown_since, &mut history.unknown_at] {
        *time = time.map(|time| time.saturating_add(wait.as_secs()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 60 * 60;
    const NOW: u64 = 1_000 * DAY;

    fn facts() -> Facts {
        Facts {
            retry_class: RetryClass::Idempotent,
            has_click: true,
            attempt: 1,
            created_at: NOW,
            now: NOW,
            random: 0.0,
        }
    }

    fn partial_refund() -> Facts {
        Facts { retry_class: RetryClass::NotIdempotent, has_click: false, ..facts() }
    }

    fn arrived() -> History {
        History { may_have_arrived: true, ..History::default() }
    }

    fn failed(next_step: NextStep, may_have_arrived: bool) -> Observed {
        Observed::Failed { next_step, may_have_arrived, retry_after: None, message: "no".to_owned() }
    }

    const UNAVAILABLE: NextStep = NextStep::Retry { after: None };

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// One line per rule: the event, its history, whether an earlier event is pending, the gate, and what happens next.
    #[test]
    fn what_happens_before_sending() {
        use GateView::{Closed, Open, Probing};
        use PriorDelivery::{Impossible, Possible};
        let (new, of_attempt) = (History::default, |attempt| History { attempt: Some(attempt), ..History::default() });
        let (ready, later) = (Some(false), |seconds, reason| Err(Step::Later(secs(seconds), reason)));
        let uncertain = || Err(Step::Dead(DeadReason::Uncertain, None));
        let attempt = |attempt, event| Facts { attempt, ..event };
        for (line, (facts, history, behind, gate, expected)) in [
            (facts(), new(), ready, Open, Ok(Impossible)),
            (facts(), arrived(), ready, Open, Ok(Possible)),
            (attempt(2, facts()), new(), ready, Open, Ok(Possible)),
            (facts(), new(), ready, Probing, Ok(Impossible)),
            (facts(), new(), ready, Closed(secs(30)), later(30, Postponed::Suspended)),
            (facts(), new(), Some(true), Open, later(1, Postponed::Behind)),
            (facts(), new(), None, Open, later(1, Postponed::Database)),
            (partial_refund(), new(), ready, Open, Ok(Impossible)),
            (partial_refund(), new(), ready, Probing, later(5, Postponed::Suspended)),
            (partial_refund(), arrived(), ready, Open, uncertain()),
            (attempt(2, partial_refund()), new(), ready, Open, Ok(Possible)),
            (attempt(2, partial_refund()), of_attempt(1), ready, Open, Ok(Possible)),
            (attempt(3, partial_refund()), of_attempt(1), ready, Open, uncertain()),
            (partial_refund(), arrived(), ready, Closed(secs(30)), later(30, Postponed::Suspended)),
        ]
        .into_iter()
        .enumerate()
        {
            let started = start(&facts, &mut history.clone(), behind, gate);
            assert_eq!(started, expected, "line {}: {facts:?} {history:?} {behind:?} {gate:?}", line + 1);
        }
        assert_eq!(
            unsent(&partial_refund(), &arrived(), Postponed::TakenOver),
            Step::Later(secs(1), Postponed::TakenOver)
        );
    }

    /// One line per rule: the event, its history, what was observed, and what happens next.
    #[test]
    fn what_happens_after_sending() {
        use DeadReason as Dead;
        use EventOutcome::{AlreadyRecorded, NotAttributed, Recorded};
        use Postponed as Why;
        let new = History::default;
        let dead = |reason| Step::Dead(reason, Some("no".to_owned()));
        let unknown_for = |seconds| History { unknown_since: Some(NOW - seconds), ..new() };
        let unasked_for = |seconds| History { unknown_at: Some(NOW - seconds), ..unknown_for(seconds) };
        let failing_for = |days: u64, last: u64| History {
            failing_since: Some(NOW - days * DAY),
            failed_at: Some(NOW - last * DAY),
            ..new()
        };
        let no_click = Facts { has_click: false, ..facts() };
        let already = |uncertain, partial_refund| Observed::AlreadyRecorded { uncertain, partial_refund };
        let not_found = |pending| Observed::NotFound { pending };
        for (line, (facts, history, observed, expected)) in [
            // The service responds.
            (facts(), new(), Observed::Delivered(Recorded), Step::Done(Recorded)),
            (facts(), new(), already(false, Some(false)), Step::Done(AlreadyRecorded { uncertain: false })),
            (facts(), new(), already(true, Some(false)), Step::Done(AlreadyRecorded { uncertain: true })),
            (facts(), new(), already(false, Some(true)), Step::Done(AlreadyRecorded { uncertain: true })),
            (facts(), new(), already(false, None), Step::Done(AlreadyRecorded { uncertain: true })),
            (
                facts(),
                new(),
                Observed::Delivered(AlreadyRecorded { uncertain: true }),
                Step::Done(AlreadyRecorded { uncertain: true }),
            ),
            // The service does not know the customer or the sale.
            (partial_refund(), arrived(), not_found(Some(true)), Step::Later(secs(2), Why::Unknown)),
            (facts(), unasked_for(7_200), not_found(Some(false)), Step::Later(secs(2), Why::Unknown)),
            (no_click, new(), not_found(Some(false)), Step::Done(NotAttributed { known: false })),
            (no_click, new(), not_found(Some(true)), Step::Later(secs(2), Why::Unknown)),
            (facts(), new(), not_found(Some(false)), Step::Later(secs(2), Why::Unknown)),
            (facts(), unknown_for(3_599), not_found(Some(false)), Step::Later(secs(450), Why::Unknown)),
            (facts(), unknown_for(3_600), not_found(Some(false)), Step::Done(NotAttributed { known: false })),
            (facts(), unknown_for(3_600), not_found(Some(true)), Step::Later(secs(450), Why::Unknown)),
            (facts(), new(), not_found(None), Step::Later(secs(1), Why::Database)),
            // The call failed.
            (facts(), new(), failed(NextStep::Reject, false), dead(Dead::Rejected)),
            (partial_refund(), arrived(), failed(NextStep::Review, true), dead(Dead::Uncertain)),
            (facts(), new(), failed(UNAVAILABLE, true), Step::Later(secs(2), Why::Unavailable)),
            (facts(), failing_for(13, 0), failed(UNAVAILABLE, true), Step::Later(secs(2), Why::Unavailable)),
            (facts(), failing_for(14, 0), failed(UNAVAILABLE, true), dead(Dead::TooOld)),
            (facts(), failing_for(14, 3), failed(UNAVAILABLE, true), Step::Later(secs(2), Why::Unavailable)),
            (facts(), new(), failed(NextStep::RetryOnceFixed, false), Step::Later(secs(2), Why::WrongKey)),
            (facts(), failing_for(14, 0), failed(NextStep::RetryOnceFixed, false), Step::Later(secs(2), Why::WrongKey)),
            (partial_refund(), arrived(), failed(NextStep::RetryOnceFixed, false), Step::Later(secs(2), Why::WrongKey)),
        ]
        .into_iter()
        .enumerate()
        {
            let mut after = history.clone();
            let step = finish(&facts, &mut after, observed.clone());
            let step = match step {
                // The table rounds fractions of a second down.
                Step::Later(wait, reason) => Step::Later(secs(wait.as_secs().min(450)), reason),
                step => step,
            };
            assert_eq!(step, expected, "line {}: {facts:?} {history:?} {observed:?}", line + 1);
        }
    }

    #[test]
    fn what_the_history_remembers() {
        let after = |facts: Facts, mut history: History, observed| {
            finish(&facts, &mut history, observed);
            history
        };
        let before = |facts: Facts, mut history: History, gate| {
            start(&facts, &mut history, Some(false), gate).ok();
            history
        };
        let doubt = |history: History| history.may_have_arrived;
        // A repeatable event collects doubts, and a partial refund has the doubt of its last attempt.
        assert!(doubt(after(facts(), History::default(), failed(UNAVAILABLE, true))));
        assert!(doubt(after(facts(), arrived(), failed(UNAVAILABLE, false))));
        assert!(!doubt(before(facts(), History::default(), GateView::Open)));
        assert!(doubt(before(partial_refund(), History::default(), GateView::Open)));
        assert!(!doubt(after(partial_refund(), arrived(), failed(UNAVAILABLE, false))));
        assert!(!doubt(after(partial_refund(), arrived(), Observed::NotFound { pending: Some(true) })));
        assert!(!doubt(after(partial_refund(), arrived(), Observed::Delivered(EventOutcome::Recorded))));
        // Waiting for a person does not age an event.
        let failing = History { failing_since: Some(NOW - 13 * DAY), failed_at: Some(NOW - DAY), ..History::default() };
        let waited = after(facts(), failing.clone(), failed(NextStep::RetryOnceFixed, false));
        assert_eq!((waited.failing_since, waited.failed_at), (None, None));
        let again = after(facts(), failing, failed(UNAVAILABLE, false));
        assert_eq!((again.failing_since, again.failed_at), (Some(NOW - 13 * DAY), Some(NOW)));
        assert_eq!(again.error.as_deref(), Some("no"));
        // A replay begins the 14 days anew.
        let replayed = again.replayed(false, 1, NOW);
        assert_eq!(after(facts(), replayed, failed(UNAVAILABLE, false)).failing_since, Some(NOW));
        assert!(arrived().replayed(false, 1, NOW).may_have_arrived);
        assert!(History::default().replayed(false, 2, NOW).may_have_arrived, "a worker was killed");
        assert!(!arrived().replayed(true, 2, NOW).may_have_arrived, "a person knows that the refund has not arrived");
        // Delays in which nothing is sent do not count towards the hour.
        let unknown = History { unknown_since: Some(NOW - 100), ..History::default() };
        let paused = before(facts(), unknown.clone(), GateView::Closed(secs(30)));
        assert_eq!(paused.unknown_since, Some(NOW - 70));
        let counted = after(facts(), unknown, Observed::NotFound { pending: Some(false) });
        assert_eq!(counted.unknown_since, Some(NOW - 100));
    }
}
