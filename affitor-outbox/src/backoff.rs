//! Delays between attempts, computed from the event's age. Pure functions: the caller passes the age and the random
//! number.

use std::time::Duration;

const MIN_CEILING: Duration = Duration::from_secs(4);
const MAX_CEILING: Duration = Duration::from_secs(15 * 60);
const MAX_BEHIND: Duration = Duration::from_secs(5 * 60);
/// Limit for delays that the service requests.
const MAX_REQUESTED: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an event is retried after its first failure. Then it becomes a dead letter.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// How long an unknown customer may still arrive.
pub(crate) const MAY_ARRIVE: Duration = Duration::from_secs(60 * 60);

/// Returns the delay before an event checks again whether earlier events are pending: an eighth of its age, from 1
/// second to 5 minutes. It grows so that a long outage does not keep the database busy.
pub(crate) fn behind(age: Duration) -> Duration {
    (age / 8).clamp(Duration::from_secs(1), MAX_BEHIND)
}

/// Returns the delay before the next attempt: at random between a quarter and a half of the age, from 2 seconds to 15
/// minutes, and at least what the service requests (at most a day). `random` is between 0 and 1.
pub(crate) fn wait(age: Duration, requested: Option<Duration>, random: f64) -> Duration {
    let ceiling = (age / 2).clamp(MIN_CEILING, MAX_CEILING);
    let wait = ceiling.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
    match requested {
        Some(requested) => wait.max(at_least(requested.min(MAX_REQUESTED), random).min(MAX_REQUESTED)),
        None => wait,
    }
}

/// Returns the delay if the API key or the URL must be fixed first: at most a minute, so that delivery resumes soon
/// after the fix, unless the service requests more.
pub(crate) fn wait_until_fixed(age: Duration, requested: Option<Duration>, random: f64) -> Duration {
    wait(age.min(Duration::from_secs(120)), requested, random)
}

/// Returns the delay after an attempt that failed because its worker was killed or timed out, or because the row could not
/// be read: 2 to 4 seconds after the first one, then twice as long each time, up to 15 minutes.
pub(crate) fn after_attempts(attempts: i32, random: f64) -> Duration {
    let doublings = attempts.clamp(1, 16) - 1;
    wait(MIN_CEILING * 2 * (1 << doublings), None, random)
}

/// Extends a delay by up to a tenth at random, so that events are not all sent at once.
pub(crate) fn at_least(delay: Duration, random: f64) -> Duration {
    delay.mul_f64(1.0 + random.clamp(0.0, 1.0) / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_with_the_age_and_respect_the_service() {
        let s = Duration::from_secs;
        for (age, requested, random, expected) in [
            (s(0), None, 0.0, s(2)),
            (s(0), None, 1.0, s(4)),
            (s(10), None, 1.0, s(5)),
            (s(10), Some(s(30)), 0.0, s(30)),
            (s(10), Some(s(30)), 1.0, s(33)),
            (s(3_600), None, 1.0, s(900)),
            (s(86_400), None, 0.0, s(450)),
            (s(86_400), Some(s(1)), 1.0, s(900)),
            (s(0), Some(Duration::MAX), 0.0, s(86_400)),
            (s(0), Some(s(86_400)), 1.0, s(86_400)),
        ] {
            assert_eq!(wait(age, requested, random), expected, "{age:?} {requested:?} {random}");
        }
        assert_eq!((behind(s(0)), behind(s(16)), behind(s(86_400))), (s(1), s(2), s(300)));
        assert_eq!((after_attempts(0, 0.0), after_attempts(1, 1.0)), (s(2), s(4)));
        assert_eq!((after_attempts(4, 1.0), after_attempts(i32::MAX, 1.0)), (s(32), s(900)));
        assert_eq!(wait_until_fixed(s(86_400), None, 1.0), s(60));
        assert_eq!(wait_until_fixed(s(86_400), Some(s(600)), 0.0), s(600));
    }
}
