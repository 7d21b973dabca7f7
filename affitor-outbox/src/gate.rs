//! The gate in front of the service. It closes if the API key or the URL is wrong, or if the service is unavailable, so
//! that waiting costs no repeated work. No clock of its own, no database: [`crate::breaker`] acts on it.
//!
//! Waiting costs no repeated work. After a wrong key, or many failures in a row, the gate closes (`gate.rs`, pure), and a background
//! task takes the queue away from this process's River (`breaker.rs`). From time to time it gives it back with one slot, and one
//! event finds out. A partial refund is not that event, because its attempt may end as a doubt. River could pause the queue itself,
//! but for all processes, and beyond the death of the one that paused it.

use std::time::{Duration, Instant};

/// Number of different events that must fail in a row before the service counts as unavailable.
const FAILED_IN_A_ROW: usize = 20;
/// How long the gate stays closed at first. Doubles up to the maximum.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Maximum if the key or the URL is wrong, so that delivery resumes soon after a person has fixed it.
const MAX_WRONG_KEY_PAUSE: Duration = Duration::from_secs(30);
/// Maximum if the service is unavailable.
const MAX_OUTAGE_PAUSE: Duration = Duration::from_secs(60);
/// Limit for pauses that the service requests.
const MAX_REQUESTED: Duration = Duration::from_secs(15 * 60);
/// Number of events that may be passed over in a search for one that can be sent.
const MAX_PASSED_OVER: u32 = 20;
/// After so many, an event that must not be repeated is sent as well, if there is no other.
const PATIENCE: u32 = 3;

/// What an event sees of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GateView {
    /// Events are sent.
    Open,
    /// One event is sent at a time, to find out whether the service works again.
    Probing,
    /// Nothing is sent for so long.
    Closed(Duration),
}

/// What an attempt says about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It responds, and accepts the key.
    Works,
    /// It is unavailable, and may request a pause.
    Unavailable(Option<Duration>),
    /// It rejects the key, or is not the service.
    WrongKey(Option<Duration>),
    /// Nothing: the event could not be sent.
    Unknown,
}

/// How an attempt changed the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It closed because the key or the URL is wrong.
    ClosedByWrongKey,
    /// It closed because the service is unavailable.
    ClosedByOutage,
    /// It opened.
    Opened,
}

#[derive(Debug)]
pub(crate) enum Gate {
    /// Different events that failed in a row.
    Open {
        failed: Vec<i64>,
    },
    Closed {
        until: Instant,
        pause: Duration,
    },
    Probing {
        pause: Duration,
        passed_over: u32,
    },
}

impl Default for Gate {
    fn default() -> Self {
        Self::Open { failed: Vec::new() }
    }
}

impl Gate {
    pub(crate) fn view(&self, now: Instant) -> GateView {
        match self {
            Self::Open { .. } => GateView::Open,
            Self::Probing { passed_over, .. } if *passed_over >= PATIENCE => GateView::Open,
            Self::Probing { .. } => GateView::Probing,
            Self::Closed { until, .. } => GateView::Closed(until.saturating_duration_since(now)),
        }
    }

    /// Returns when the gate may be probed, or `None` if it is not closed.
    pub(crate) fn closed_until(&self) -> Option<Instant> {
        match self {
            Self::Closed { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Lets one event at a time through.
    pub(crate) fn probe(&mut self) {
        if let Self::Closed { pause, .. } = *self {
            *self = Self::Probing { pause, passed_over: 0 };
        }
    }

    /// Applies what an attempt says about the service. Returns whether the gate opened or closed.
    pub(crate) fn apply(&mut self, id: i64, verdict: Verdict, now: Instant) -> Option<Change> {
        let pause = match self {
            // What was in flight when the gate closed says nothing new.
            Self::Closed { .. } => return None,
            Self::Open { failed } => {
                match verdict {
                    Verdict::Works => failed.clear(),
                    Verdict::Unavailable(_) if !failed.contains(&id) => failed.push(id),
                    _ => {}
                }
                if failed.len() < FAILED_IN_A_ROW && !matches!(verdict, Verdict::WrongKey(_)) {
                    return None;
                }
                FIRST_PAUSE
            }
            Self::Probing { pause, passed_over } => match verdict {
                Verdict::Works => {
                    *self = Self::default();
                    return Some(Change::Opened);
                }
                Verdict::Unknown => {
                    *passed_over += 1;
                    if *passed_over < MAX_PASSED_OVER {
                        return None;
                    }
                    *pause
                }
                Verdict::Unavailable(_) | Verdict::WrongKey(_) => *pause * 2,
            },
        };
        let (max, requested, change) = match verdict {
            Verdict::WrongKey(requested) => (MAX_WRONG_KEY_PAUSE, requested, Change::ClosedByWrongKey),
            Verdict::Unavailable(requested) => (MAX_OUTAGE_PAUSE, requested, Change::ClosedByOutage),
            _ => (MAX_OUTAGE_PAUSE, None, Change::ClosedByOutage),
        };
        let pause = pause.min(max);
        let wait = pause.max(requested.unwrap_or_default().min(MAX_REQUESTED));
        *self = Self::Closed { until: now + wait, pause };
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWN: Verdict = Verdict::Unavailable(None);

    fn closed(pause: u64, now: Instant) -> Gate {
        let pause = Duration::from_secs(pause);
        Gate::Closed { until: now + pause, pause }
    }

    #[test]
    fn twenty_different_events_in_a_row_close_it() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        for id in 0..19 {
            assert_eq!(gate.apply(id, DOWN, now), None);
        }
        assert_eq!(gate.apply(7, DOWN, now), None, "the same event again");
        assert_eq!(gate.apply(1, Verdict::Works, now), None);
        for id in 0..19 {
            assert_eq!(gate.apply(id, DOWN, now), None);
        }
        assert_eq!(gate.apply(1, Verdict::Unknown, now), None);
        assert_eq!(gate.apply(19, DOWN, now), Some(Change::ClosedByOutage));
        assert_eq!(gate.view(now), GateView::Closed(Duration::from_secs(5)));
        assert_eq!(gate.apply(1, Verdict::Works, now), None, "it was in flight");
    }

    #[test]
    fn one_wrong_key_closes_it() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        assert_eq!(gate.apply(1, Verdict::WrongKey(None), now), Some(Change::ClosedByWrongKey));
        for pause in [5, 10, 20, 30, 30] {
            assert_eq!(gate.view(now), GateView::Closed(Duration::from_secs(pause)));
            gate.probe();
            assert_eq!(gate.view(now), GateView::Probing);
            assert_eq!(gate.apply(2, Verdict::WrongKey(None), now), Some(Change::ClosedByWrongKey));
        }
        gate.probe();
        assert_eq!(gate.apply(2, Verdict::Works, now), Some(Change::Opened));
        assert_eq!(gate.view(now), GateView::Open);
    }

    #[test]
    fn pauses_double_and_respect_the_service() {
        let (mut gate, now) = (closed(5, Instant::now()), Instant::now());
        for (requested, expected) in
            [(None, 10), (None, 20), (Some(300), 300), (None, 60), (None, 60), (Some(86_400), 900)]
        {
            gate.probe();
            let verdict = Verdict::Unavailable(requested.map(Duration::from_secs));
            assert_eq!(gate.apply(1, verdict, now), Some(Change::ClosedByOutage));
            assert_eq!(gate.view(now), GateView::Closed(Duration::from_secs(expected)));
        }
    }

    #[test]
    fn a_search_for_an_event_that_can_be_sent_ends() {
        let (mut gate, now) = (closed(20, Instant::now()), Instant::now());
        gate.probe();
        for id in 0..19 {
            assert_eq!(gate.view(now), if id < 3 { GateView::Probing } else { GateView::Open }, "{id}");
            assert_eq!(gate.apply(id, Verdict::Unknown, now), None);
        }
        assert_eq!(gate.apply(19, Verdict::Unknown, now), Some(Change::ClosedByOutage));
        assert_eq!(gate.view(now), GateView::Closed(Duration::from_secs(20)));
    }
}
