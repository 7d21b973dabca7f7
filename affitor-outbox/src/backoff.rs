//! When an event is tried again: by its age, without a clock and without chance.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_secs(4);
const LONGEST: Duration = Duration::from_secs(15 * 60);
const LONGEST_BEHIND: Duration = Duration::from_secs(5 * 60);
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// For how long an event is tried: then it is a dead letter.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// For how long "not found" may mean "not yet".
pub(crate) const MAY_COME: Duration = Duration::from_secs(60 * 60);

/// How long an event waits before it looks again whether there is one in front of it: an eighth of its age, from 1 second to 5
/// minutes, so that a long outage does not keep the database busy.
pub(crate) fn behind(age: Duration) -> Duration {
    (age / 8).clamp(Duration::from_secs(1), LONGEST_BEHIND)
}

/// How long to wait: a half to all of half the age, from 2 seconds to 15 minutes, and no less than the service asks for.
/// `chance` is between 0 and 1.
pub(crate) fn wait(age: Duration, asked: Option<Duration>, chance: f64) -> Duration {
    let ceiling = (age / 2).clamp(SHORTEST, LONGEST);
    let wait = ceiling.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
    match asked {
        Some(asked) => wait.max(no_sooner(asked.min(LONGEST_ASKED), chance).min(LONGEST_ASKED)),
        None => wait,
    }
}

/// How long to wait where a person has to mend something: a key, a URL. Not so long that they wonder, unless the service asks.
pub(crate) fn wait_for_a_person(age: Duration, asked: Option<Duration>, chance: f64) -> Duration {
    wait(age.min(Duration::from_secs(120)), asked, chance)
}

/// Up to a tenth more, so that not all come at once.
pub(crate) fn no_sooner(asked: Duration, chance: f64) -> Duration {
    asked.mul_f64(1.0 + chance.clamp(0.0, 1.0) / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits() {
        let s = Duration::from_secs;
        for (age, asked, chance, expected) in [
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
            assert_eq!(wait(age, asked, chance), expected, "{age:?} {asked:?} {chance}");
        }
        assert_eq!((behind(s(0)), behind(s(16)), behind(s(86_400))), (s(1), s(2), s(300)));
        assert_eq!(wait_for_a_person(s(86_400), None, 1.0), s(60));
        assert_eq!(wait_for_a_person(s(86_400), Some(s(600)), 0.0), s(600));
    }
}
