//! Counters and gauges with the feature `metrics`. Without it, every function does nothing.

use crate::dead::Output;

#[cfg(feature = "metrics")]
mod on {
    use std::time::{SystemTime, UNIX_EPOCH};

    use ::metrics::{counter, describe_counter, describe_gauge, gauge};

    use super::*;
    use crate::database::Backlog;

    const EVENTS: &str = "affitor_outbox_events_total";
    const UNCERTAIN: &str = "affitor_outbox_uncertain_total";
    const LATER: &str = "affitor_outbox_later_total";
    const REFUSED: &str = "affitor_outbox_refused_total";
    const PENDING: &str = "affitor_outbox_pending";
    const DEAD: &str = "affitor_outbox_dead";
    const OLDEST: &str = "affitor_outbox_oldest_pending_seconds";
    const SUSPENDED: &str = "affitor_outbox_suspended";

    pub(crate) fn describe() {
        describe_counter!(
            EVENTS,
            "Events that this process delivered or turned into dead letters, by event and outcome"
        );
        describe_counter!(
            UNCERTAIN,
            "Uncertain events among them, which must be compared with the dashboard, by event"
        );
        describe_counter!(LATER, "Postponed attempts, by event and reason");
        describe_counter!(REFUSED, "Events that an enqueuer did not accept or could not write, by event and reason");
        describe_gauge!(PENDING, "Events in the outbox that are not delivered yet");
        describe_gauge!(DEAD, "Dead letters in the outbox");
        describe_gauge!(
            SUSPENDED,
            "1 while this process sends nothing because the API key or URL is wrong or the service is unavailable"
        );
        describe_gauge!(OLDEST, metrics::Unit::Seconds, "Age of the oldest event that is not delivered yet");
    }

    pub(crate) fn finished(event: &'static str, output: &Output) {
        counter!(EVENTS, "event" => event, "outcome" => output.outcome.clone()).increment(1);
        if output.uncertain {
            counter!(UNCERTAIN, "event" => event).increment(1);
        }
    }

    pub(crate) fn postponed(event: &'static str, reason: &'static str) {
        counter!(LATER, "event" => event, "reason" => reason).increment(1);
    }

    pub(crate) fn refused(event: &'static str, reason: &'static str) {
        counter!(REFUSED, "event" => event, "reason" => reason).increment(1);
    }

    pub(crate) fn suspended(queue: &str, on: bool) {
        gauge!(SUSPENDED, "queue" => queue.to_owned()).set(f64::from(u8::from(on)));
    }

    pub(crate) fn gauges(queue: &str, Backlog { pending, dead, oldest }: Backlog) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        let (pending, dead) = (pending as f64, dead as f64);
        gauge!(PENDING, "queue" => queue.to_owned()).set(pending);
        gauge!(DEAD, "queue" => queue.to_owned()).set(dead);
        gauge!(OLDEST, "queue" => queue.to_owned()).set(oldest.map_or(0.0, |oldest| (now - oldest).max(0.0)));
    }
}

#[cfg(not(feature = "metrics"))]
mod off {
    use super::*;

    pub(crate) fn finished(_: &'static str, _: &Output) {}

    pub(crate) fn postponed(_: &'static str, _: &'static str) {}

    pub(crate) fn refused(_: &'static str, _: &'static str) {}

    pub(crate) fn suspended(_: &str, _: bool) {}
}

#[cfg(not(feature = "metrics"))]
pub(crate) use off::*;
#[cfg(feature = "metrics")]
pub(crate) use on::*;
