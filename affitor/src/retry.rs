//! Whether and when a call is made again: pure decisions, without a clock and without chance.

use std::time::Duration;

/// What is being repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// Answers with a fresh id each time, so it must not be made twice.
    Click,
    /// Recorded once by the service: a repeat is told so.
    Lead,
    /// Recorded once by the service, by transaction id.
    Sale,
    /// Done once by the service: a repeat finds it reversed.
    FullRefund,
    /// Whether the service tells two equal ones apart is not documented.
    PartialRefund,
    /// Counts against an hourly limit, and makes rows each time.
    TestChain,
    /// Changes nothing.
    Read,
}

impl CallKind {
    /// Whether it does no harm to make the call again when it may have arrived already.
    fn is_idempotent(self) -> bool {
        match self {
            Self::Lead | Self::Sale | Self::FullRefund | Self::Read => true,
            Self::Click | Self::PartialRefund | Self::TestChain => false,
        }
    }
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// No connection: nothing was sent.
    NotSent,
    /// A time-out, a reset, an answer that was cut off.
    Lost,
    /// A whole answer with this status.
    Status(u16),
}

impl Ending {
    /// Whether the event may have been recorded although no answer says so.
    pub(crate) fn may_have_arrived(self) -> bool {
        match self {
            Self::NotSent => false,
            Self::Lost => true,
            Self::Status(status) => status == 408 || (500..=599).contains(&status),
        }
    }
}

/// Whether the same call may be made again.
pub(crate) fn may_repeat(kind: CallKind, ending: Ending) -> bool {
    let passing = match ending {
        Ending::NotSent | Ending::Lost => true,
        Ending::Status(501 | 505) => false,
        Ending::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
    };
    passing && (kind.is_idempotent() || !ending.may_have_arrived())
}

/// The longest wait between two tries of one call, for our own backoff.
const LONGEST: Duration = Duration::from_secs(2);
const SHORTEST: Duration = Duration::from_millis(100);

/// How long to wait before the next try, or `None` when there is no time for it.
///
/// Full jitter: anything between nothing and 100 ms, 200 ms, 400 ms … for the first, second, third try; `chance` is
/// between 0 and 1. A wait that the service asked for is honoured, or the call ends when it is too long.
pub(crate) fn wait(tries: u32, asked: Option<Duration>, chance: f64, time_left: Duration) -> Option<Duration> {
    let ceiling = SHORTEST.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(LONGEST);
    let wait = ceiling.mul_f64(chance.clamp(0.0, 1.0)).max(asked.unwrap_or_default());
    (wait < time_left).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [CallKind; 7] = [
        CallKind::Click,
        CallKind::Lead,
        CallKind::Sale,
        CallKind::FullRefund,
        CallKind::PartialRefund,
        CallKind::TestChain,
        CallKind::Read,
    ];

    /// Which of `KINDS` may be repeated after each ending: `+` yes, `.` no.
    const TABLE: [(Ending, &str); 17] = [
        (Ending::NotSent, "+++++++"),
        (Ending::Lost, ".+++..+"),
        (Ending::Status(200), "......."),
        (Ending::Status(302), "......."),
        (Ending::Status(400), "......."),
        (Ending::Status(401), "......."),
        (Ending::Status(404), "......."),
        (Ending::Status(408), ".+++..+"),
        (Ending::Status(409), "......."),
        (Ending::Status(425), "+++++++"),
        (Ending::Status(429), "+++++++"),
        (Ending::Status(500), ".+++..+"),
        (Ending::Status(501), "......."),
        (Ending::Status(503), ".+++..+"),
        (Ending::Status(505), "......."),
        (Ending::Status(599), ".+++..+"),
        (Ending::Status(600), "......."),
    ];

    #[test]
    fn what_may_be_repeated() {
        for (ending, expected) in TABLE {
            let got: String = KINDS.map(|kind| if may_repeat(kind, ending) { '+' } else { '.' }).iter().collect();
            assert_eq!(got, expected, "{ending:?}");
        }
    }

    #[test]
    fn what_may_have_arrived() {
        for (ending, expected) in [
            (Ending::NotSent, false),
            (Ending::Lost, true),
            (Ending::Status(200), false),
            (Ending::Status(408), true),
            (Ending::Status(425), false),
            (Ending::Status(429), false),
            (Ending::Status(499), false),
            (Ending::Status(500), true),
            (Ending::Status(501), true),
            (Ending::Status(599), true),
            (Ending::Status(600), false),
        ] {
            assert_eq!(ending.may_have_arrived(), expected, "{ending:?}");
        }
    }

    #[test]
    fn waits() {
        let ms = Duration::from_millis;
        let long = Duration::from_secs(60);
        for (tries, asked, chance, left, expected) in [
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
            assert_eq!(wait(tries, asked, chance, left), expected, "{tries} {asked:?} {chance} {left:?}");
        }
    }
}
