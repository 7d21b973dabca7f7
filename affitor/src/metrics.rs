//! Counters and gauges, if the feature `metrics` is enabled.

#[cfg(feature = "metrics")]
mod on {
    use metrics::counter;

    /// Counts a call that ended with an outcome or an error.
    pub(crate) fn call(call: &'static str, done: bool) {
        counter!("affitor_calls_total", "call" => call, "result" => if done { "done" } else { "failed" }).increment(1);
    }

    /// Counts what became of a landing.
    #[cfg(feature = "capture")]
    pub(crate) fn capture(event: &'static str) {
        counter!("affitor_captures_total", "event" => event).increment(1);
    }

    /// Counts an event that left the queue.
    pub(crate) fn left_queue(event: &'static str, outcome: &'static str) {
        counter!("affitor_queue_events_total", "event" => event, "outcome" => outcome).increment(1);
    }

    /// Counts an event that the queue did not accept.
    pub(crate) fn refused(event: &'static str, reason: &'static str) {
        counter!("affitor_queue_refused_total", "event" => event, "reason" => reason).increment(1);
    }

    pub(crate) fn pending(events: usize) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!("affitor_queue_pending").set(events as f64);
    }
}

#[cfg(not(feature = "metrics"))]
mod off {
    pub(crate) fn call(_: &'static str, _: bool) {}

    #[cfg(feature = "capture")]
    pub(crate) fn capture(_: &'static str) {}

    pub(crate) fn left_queue(_: &'static str, _: &'static str) {}

    pub(crate) fn refused(_: &'static str, _: &'static str) {}

    pub(crate) fn pending(_: usize) {}
}

#[cfg(not(feature = "metrics"))]
pub(crate) use off::*;
#[cfg(feature = "metrics")]
pub(crate) use on::*;
