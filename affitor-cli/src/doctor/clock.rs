//! Compares this machine's clock with the service's.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap};

use crate::check::Check;

const NAME: &str = "clock";

/// Difference that fails. Payment providers reject webhook signatures older than five minutes.
const FAILED: Duration = Duration::from_secs(300);
const WARNING: Duration = Duration::from_secs(30);

/// Precision of a `Date` header.
const SECOND: Duration = Duration::from_secs(1);

/// Checks the `Date` header of a response. `sent` and `received` are this machine's times of the request and the response.
pub(super) fn check(headers: &HeaderMap, sent: SystemTime, received: SystemTime) -> Check {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return Check::skipped(NAME, "the response has no date");
    };
    let difference = difference(date, sent, received);
    let message = format!("differs from the service's by {} s", difference.as_secs());
    let hint = "synchronize this machine's clock (NTP), or signatures of payment webhooks will be rejected";
    if difference >= FAILED {
        Check::failed(NAME, message, hint)
    } else if difference >= WARNING {
        Check::warning(NAME, message, hint)
    } else {
        Check::passed(NAME, message)
    }
}

/// Returns by how much the clocks differ at least. The service wrote the date, without fractions of a second, at some time
/// between the request and the response: a slow response is no difference.
fn difference(date: SystemTime, sent: SystemTime, received: SystemTime) -> Duration {
    let behind = date.duration_since(received).unwrap_or_default();
    let ahead = sent.duration_since(date).unwrap_or_default().saturating_sub(SECOND);
    behind.max(ahead)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::check::CheckStatus::{self, Failed, Passed, Skipped, Warning};

    #[test]
    fn the_clock_at_its_limits() {
        // The service's date in seconds, and this machine's milliseconds of the request and the response.
        let cases: [(u64, u64, u64, CheckStatus); 13] = [
            (1_000, 1_000_000, 1_000_100, Passed),
            // The service wrote the date at the end of that second.
            (1_000, 1_000_999, 1_001_500, Passed),
            // Behind.
            (1_000, 970_000, 970_001, Passed),
            (1_000, 969_900, 970_000, Warning),
            (1_000, 700_000, 700_001, Warning),
            (1_000, 699_900, 700_000, Failed),
            // Ahead.
            (1_000, 1_030_999, 1_031_000, Passed),
            (1_000, 1_031_000, 1_031_000, Warning),
            (1_000, 1_300_999, 1_301_000, Warning),
            (1_000, 1_301_000, 1_301_000, Failed),
            // Slow responses.
            (1_000, 1_000_000, 1_400_000, Passed),
            (1_400, 1_000_000, 1_400_000, Passed),
            (1_200, 1_000_000, 1_400_000, Passed),
        ];
        for (date, sent, received, expected) in cases {
            let time = |milliseconds| SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
            let date = httpdate::fmt_http_date(time(date * 1_000));
            let headers = HeaderMap::from_iter([(DATE, HeaderValue::from_str(&date).unwrap())]);
            let check = check(&headers, time(sent), time(received));
            assert_eq!(check.status, expected, "{date} {sent} {received}: {}", check.message);
        }
        let now = SystemTime::now();
        assert_eq!(check(&HeaderMap::new(), now, now).status, Skipped);
    }
}
