//! Whether the provider should redeliver a webhook: pure decisions.

use std::time::{Duration, SystemTime};

use affitor::{Error, delivery::RetryClass};

/// What an error says about the fate of an event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failure {
    is_invalid: bool,
    is_rejected: bool,
    may_have_arrived: bool,
    status: Option<u16>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            is_invalid: error.is_invalid(),
            is_rejected: error.is_rejected(),
            may_have_arrived: error.may_have_arrived(),
            status: error.status(),
        }
    }
}

/// Whether redelivery can help: for everything that may be fixed by then, including a wrong key or URL. Not if the service itself
/// rejected the event, and not for a partial refund that may have arrived.
pub(super) fn can_help(failure: Failure, retry_class: RetryClass) -> bool {
    let rejected = failure.is_rejected && matches!(failure.status, Some(200 | 400 | 413 | 422));
    let may_double = retry_class == RetryClass::NotIdempotent && failure.may_have_arrived;
    !(failure.is_invalid || rejected || may_double)
}

/// Whether a refund with an unknown sale may have overtaken it: it happened less than `window` ago.
pub(super) fn may_overtake(occurred_at: Option<SystemTime>, now: SystemTime, window: Duration) -> bool {
    const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);
    occurred_at.is_some_and(|at| match now.duration_since(at) {
        Ok(ago) => ago < window,
        // Slightly in the future means that the clocks differ. Far in the future is nonsense.
        Err(ahead) => !window.is_zero() && ahead.duration() <= CLOCK_SKEW,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_redelivery_can_help() {
        let answer = |status: u16| Failure { status: Some(status), ..Failure::default() };
        let rejected = |status: u16| Failure { is_rejected: true, ..answer(status) };
        let arrived = |failure: Failure| Failure { may_have_arrived: true, ..failure };
        for (what, failure, sale, partial_refund) in [
            ("an invalid event", Failure { is_invalid: true, ..Failure::default() }, false, false),
            ("a wrong key", answer(401), true, true),
            ("a rejection by the service", rejected(400), false, false),
            ("success: false", rejected(200), false, false),
            ("a 404 of a wrong URL", rejected(404), true, true),
            ("a 409 of a proxy", answer(409), true, true),
            ("too many calls", answer(429), true, true),
            ("a 500", arrived(answer(500)), true, false),
            ("no connection", Failure::default(), true, true),
            ("a reset", arrived(Failure::default()), true, false),
            ("an unreadable 200", arrived(answer(200)), true, false),
            ("a redirect", answer(302), true, true),
        ] {
            let helps = |class| can_help(failure, class);
            let both = (helps(RetryClass::Idempotent), helps(RetryClass::NotIdempotent));
            assert_eq!(both, (sale, partial_refund), "{what}");
        }
    }

    #[test]
    fn when_a_refund_may_have_overtaken_its_sale() {
        let (now, hour) = (SystemTime::now(), Duration::from_secs(3_600));
        let ago = |seconds: u64| Some(now - Duration::from_secs(seconds));
        assert!(may_overtake(ago(0), now, hour));
        assert!(may_overtake(ago(3_599), now, hour));
        assert!(!may_overtake(ago(3_600), now, hour));
        assert!(may_overtake(Some(now + Duration::from_secs(300)), now, hour), "clocks differ");
        assert!(!may_overtake(Some(now + hour), now, hour), "nonsense");
        assert!(!may_overtake(None, now, hour));
        assert!(!may_overtake(ago(0), now, Duration::ZERO));
    }
}
