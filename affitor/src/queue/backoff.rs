//! How long to wait before the next try: without a clock and without chance.

use std::time::Duration;

/// How long to wait before the next try: anything up to 0.5 s, 1 s, 2 s … a minute (full jitter; `chance` is between 0 and 1),
/// and never less than the service asks for, up to an hour.
pub(super) fn wait(tries: u32, asked: Option<Duration>, chance: f64) -> Duration {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(60);
    const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);
    let ceiling = FIRST.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(LONGEST);
    ceiling.mul_f64(chance.clamp(0.0, 1.0)).max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits() {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        for (tries, asked, chance, expected) in [
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
            assert_eq!(wait(tries, asked, chance), expected, "{tries} {asked:?} {chance}");
        }
    }
}
