//! Numbers as JavaScript writes them: without decimals if there are none.

use serde::Serializer;

/// From here on, JavaScript does not count every integer.
const INEXACT: f64 = 9_007_199_254_740_992.0;

pub(crate) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    #[allow(clippy::cast_possible_truncation, reason = "it is an integer below 2^53")]
    match number.fract() == 0.0 && number.abs() < INEXACT {
        true => serializer.serialize_i64(*number as i64),
        false => serializer.serialize_f64(*number),
    }
}
