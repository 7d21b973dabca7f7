//! Whether the provider should redeliver a webhook: pure decisions.

use std::time::{Duration, SystemTime};

use crate::{client::Error, event::RetryClass};

/// Whether redelivery can help: for everything that may be fixed by then, including a wrong key or URL. Not if the service itself
/// rejected the event, and not for a partial refund that may have arrived.
pub(super) fn can_help(error: &Error, retry_class: RetryClass) -> bool {
    let rejected = error.is_rejected() && matches!(error.status(), Some(200 | 400 | 413 | 422));
    let may_double = retry_class == RetryClass::NotIdempotent && error.may_have_arrived();
    !(error.is_invalid() || rejected || may_double)
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
    use crate::client::ErrorKind;

    #[test]
    fn when_redelivery_can_help() {
        let error = |kind: ErrorKind, status: Option<u16>, arrived: bool| {
            Error::new(kind).with_status(status).with_fate(false, arrived)
        };
        for (what, error, sale, partial_refund) in [
            ("an invalid event", error(ErrorKind::Invalid, None, false), false, false),
            ("a wrong key", error(ErrorKind::Unauthorized, Some(401), false), true, true),
            ("a 403 of a proxy", error(ErrorKind::Unauthorized, Some(403), false), true, true),
            ("a rejection by the service", error(ErrorKind::Rejected, Some(400), false), false, false),
            ("success: false", error(ErrorKind::Rejected, Some(200), false), false, false),
            ("a 404 of a wrong URL", error(ErrorKind::Rejected, Some(404), false), true, true),
            ("a 409 of a proxy", error(ErrorKind::Unexpected, Some(409), false), true, true),
            ("too many calls", error(ErrorKind::RateLimited, Some(429), false), true, true),
            ("a 500", error(ErrorKind::Unavailable, Some(500), true), true, false),
            ("a 502 in HTML", error(ErrorKind::Unavailable, Some(502), true), true, false),
            ("no connection", error(ErrorKind::Transport, None, false), true, true),
            ("a reset", error(ErrorKind::Transport, None, true), true, false),
            ("a time-out", error(ErrorKind::Timeout, None, true), true, false),
            ("an unreadable 200", error(ErrorKind::Unexpected, Some(200), true), true, false),
            ("a redirect", error(ErrorKind::Unexpected, Some(302), false), true, true),
        ] {
            let helps = |class| can_help(&error, class);
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
