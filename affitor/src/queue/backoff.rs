//! Pauses between attempts, without a clock and without randomness.

use std::time::Duration;

/// Returns how long to wait before the next attempt: up to 0.5 s, 1 s, 2 s … 60 s (full jitter; `random` is between 0 and 1),
/// and at least the delay requested by the service, up to an hour.
pub(super) fn pause(attempts: u32, requested: Option<Duration>, random: f64) -> Duration {
    const FIRST: Duration = Duration::from_millis(500);
    const MAX: Duration = Duration::from_secs(60);
    const MAX_REQUESTED: Duration = Duration::from_secs(60 * 60);
    let ceiling = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(MAX);
    ceiling.mul_f64(random.clamp(0.0, 1.0)).max(requested.unwrap_or_default().min(MAX_REQUESTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses() {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        for (attempts, requested, random, expected) in [
            (1, None, 1.0, ms(500)),
            (2, None, 1.0, s(1)),
            (3, None, 0.5, s(1)),
            (30, None, 1.0, s(60)),
            (1, None, 0.0, s(0)),
            (1, Some(s(30)), 1.0, s(30)),
            (30, Some(s(1)), 1.0, s(60)),
            (1, Some(Duration::MAX), 0.0, s(3_600)),
            (0, None, 1.0, ms(500)),
        ] {
            assert_eq!(pause(attempts, requested, random), expected, "{attempts} {requested:?} {random}");
        }
    }
}
