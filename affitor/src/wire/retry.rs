//! Whether and when a call is repeated: pure decisions, without a clock and without randomness.

use std::time::Duration;

use crate::event::RetryClass;

/// The result of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptResult {
    /// No connection: nothing was sent.
    NotSent,
    /// A time-out, a reset, or a response that was cut off.
    Lost,
    /// A complete response with this status.
    Status(u16),
}

impl AttemptResult {
    /// Whether the event may have been recorded although no response says so.
    pub(crate) fn may_have_arrived(self) -> bool {
        match self {
            Self::NotSent => false,
            Self::Lost => true,
            Self::Status(status) => status == 408 || (500..=599).contains(&status),
        }
    }
}

/// Whether the same call may be repeated.
pub(crate) fn may_repeat(class: RetryClass, result: AttemptResult) -> bool {
    let temporary = match result {
        AttemptResult::NotSent | AttemptResult::Lost => true,
        AttemptResult::Status(501 | 505) => false,
        AttemptResult::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
    };
    temporary && (class == RetryClass::Idempotent || !result.may_have_arrived())
}

/// Longest pause between two attempts of one call, unless the service asks for more.
const MAX_PAUSE: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Returns how long to wait before the next attempt, or `None` if there is no time for it.
///
/// Full jitter: between 0 and 100 ms, 200 ms, 400 ms … after the first, second, third attempt; `random` is between 0 and 1.
/// A delay requested by the service is honoured; the call ends if it is too long.
pub(crate) fn pause(attempts: u32, requested: Option<Duration>, random: f64, time_left: Duration) -> Option<Duration> {
    let ceiling = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(MAX_PAUSE);
    let pause = ceiling.mul_f64(random.clamp(0.0, 1.0)).max(requested.unwrap_or_default());
    (pause < time_left).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a call may be repeated after each result: if it is idempotent, and if it is not.
    const TABLE: [(AttemptResult, bool, bool); 17] = [
        (AttemptResult::NotSent, true, true),
        (AttemptResult::Lost, true, false),
        (AttemptResult::Status(200), false, false),
        (AttemptResult::Status(302), false, false),
        (AttemptResult::Status(400), false, false),
        (AttemptResult::Status(401), false, false),
        (AttemptResult::Status(404), false, false),
        (AttemptResult::Status(408), true, false),
        (AttemptResult::Status(409), false, false),
        (AttemptResult::Status(425), true, true),
        (AttemptResult::Status(429), true, true),
        (AttemptResult::Status(500), true, false),
        (AttemptResult::Status(501), false, false),
        (AttemptResult::Status(503), true, false),
        (AttemptResult::Status(505), false, false),
        (AttemptResult::Status(599), true, false),
        (AttemptResult::Status(600), false, false),
    ];

    #[test]
    fn what_may_be_repeated() {
        for (result, idempotent, not_idempotent) in TABLE {
            assert_eq!(may_repeat(RetryClass::Idempotent, result), idempotent, "{result:?}");
            assert_eq!(may_repeat(RetryClass::NotIdempotent, result), not_idempotent, "{result:?}");
        }
    }

    #[test]
    fn which_calls_are_idempotent() {
        use super::super::{
            call::Call as _,
            queries::{GetReadiness, RunTestChain},
        };
        use crate::{
            currency::Currency,
            event::{Click, Event, Lead, Refund, Sale},
        };
        let class = |event: Event| event.retry_class();
        assert_eq!(class(Lead::new("a").into()), RetryClass::Idempotent);
        assert_eq!(class(Sale::new("t", 1, Currency::USD).into()), RetryClass::Idempotent);
        assert_eq!(class(Refund::full("t").into()), RetryClass::Idempotent);
        assert_eq!(class(Refund::partial("t", 1).into()), RetryClass::NotIdempotent);
        assert_eq!(Click::landing("https://shop.example/").retry_class(), RetryClass::NotIdempotent);
        assert_eq!(RunTestChain.retry_class(), RetryClass::NotIdempotent);
        assert_eq!(GetReadiness { recheck: false }.retry_class(), RetryClass::Idempotent);
    }

    #[test]
    fn what_may_have_arrived() {
        for (result, expected) in [
            (AttemptResult::NotSent, false),
            (AttemptResult::Lost, true),
            (AttemptResult::Status(200), false),
            (AttemptResult::Status(408), true),
            (AttemptResult::Status(425), false),
            (AttemptResult::Status(429), false),
            (AttemptResult::Status(499), false),
            (AttemptResult::Status(500), true),
            (AttemptResult::Status(501), true),
            (AttemptResult::Status(599), true),
            (AttemptResult::Status(600), false),
        ] {
            assert_eq!(result.may_have_arrived(), expected, "{result:?}");
        }
    }

    #[test]
    fn pauses() {
        let ms = Duration::from_millis;
        let long = Duration::from_secs(60);
        for (attempts, requested, random, left, expected) in [
            (1, None, 1.0, long, Some(ms(100))),
            (2, None, 1.0, long, Some(ms(200))),
            (3, None, 0.5, long, Some(ms(200))),
            (40, None, 1.0, long, Some(ms(2_000))),
            (1, None, 0.0, long, Some(ms(0))),
            (1, Some(ms(700)), 1.0, long, Some(ms(700))),
            (1, Some(ms(700)), 1.0, ms(700), None),
            (1, None, 1.0, ms(100), None),
            (1, None, 1.0, ms(101), Some(ms(100))),
            (0, None, 1.0, long, Some(ms(100))),
        ] {
            assert_eq!(
                pause(attempts, requested, random, left),
                expected,
                "{attempts} {requested:?} {random} {left:?}"
            );
        }
    }
}
