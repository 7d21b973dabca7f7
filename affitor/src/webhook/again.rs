//! Whether the provider is to deliver a webhook again: pure decisions.

use std::time::{Duration, SystemTime};

use crate::Error;

/// Whether another delivery can help: all that may be mended by then, a wrong key or URL included. Not so where the service
/// itself has said no, and of a partial refund that may have arrived.
pub(super) fn can_help(error: &Error, partial_refund: bool) -> bool {
    let said_no = error.is_rejected() && matches!(error.status(), Some(200 | 400 | 413 | 422));
    !(error.is_invalid() || said_no || (partial_refund && error.may_have_arrived()))
}

/// Whether a refund whose sale is not known may have overtaken it: it happened less than `window` ago.
pub(super) fn may_overtake(occurred_at: Option<SystemTime>, now: SystemTime, window: Duration) -> bool {
    const OTHER_CLOCK: Duration = Duration::from_secs(5 * 60);
    occurred_at.is_some_and(|at| match now.duration_since(at) {
        Ok(ago) => ago < window,
        // What is said to happen soon happens now, by another clock; what is far off is nonsense.
        Err(ahead) => !window.is_zero() && ahead.duration() <= OTHER_CLOCK,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn what_another_delivery_can_help() {
        let error = |kind: Kind, status: Option<u16>, arrived: bool| {
            Error::new(kind).with_status(status).with_fate(false, arrived)
        };
        for (what, error, sale, partial_refund) in [
            ("no amount", error(Kind::Invalid, None, false), false, false),
            ("the key", error(Kind::Unauthorized, Some(401), false), true, true),
            ("a 403 of a proxy", error(Kind::Unauthorized, Some(403), false), true, true),
            ("the service's no", error(Kind::Rejected, Some(400), false), false, false),
            ("success: false", error(Kind::Rejected, Some(200), false), false, false),
            ("another 404: a wrong URL", error(Kind::Rejected, Some(404), false), true, true),
            ("a 409 of something in between", error(Kind::Unexpected, Some(409), false), true, true),
            ("too many calls", error(Kind::RateLimited, Some(429), false), true, true),
            ("a 500", error(Kind::Unavailable, Some(500), true), true, false),
            ("a 502 in HTML", error(Kind::Unavailable, Some(502), true), true, false),
            ("no connection", error(Kind::Transport, None, false), true, true),
            ("a reset", error(Kind::Transport, None, true), true, false),
            ("a time-out", error(Kind::Timeout, None, true), true, false),
            ("a 200 that can't be read", error(Kind::Unexpected, Some(200), true), true, false),
            ("a redirect", error(Kind::Unexpected, Some(302), false), true, true),
        ] {
            assert_eq!((can_help(&error, false), can_help(&error, true)), (sale, partial_refund), "{what}");
        }
    }

    #[test]
    fn what_may_have_overtaken_its_sale() {
        let (now, hour) = (SystemTime::now(), Duration::from_secs(3_600));
        let ago = |seconds: u64| Some(now - Duration::from_secs(seconds));
        assert!(may_overtake(ago(0), now, hour));
        assert!(may_overtake(ago(3_599), now, hour));
        assert!(!may_overtake(ago(3_600), now, hour));
        assert!(may_overtake(Some(now + Duration::from_secs(300)), now, hour), "another clock");
        assert!(!may_overtake(Some(now + hour), now, hour), "nonsense");
        assert!(!may_overtake(None, now, hour));
        assert!(!may_overtake(ago(0), now, Duration::ZERO));
    }
}
