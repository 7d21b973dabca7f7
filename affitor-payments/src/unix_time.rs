//! Times in seconds.

use std::time::SystemTime;

/// Returns the seconds since 1970; 0 for a time before.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
