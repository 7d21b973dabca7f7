//! Click ids for tests.

use std::sync::atomic::{AtomicU64, Ordering};

use affitor_core::ClickId;

/// Returns a click id of the documented form, `cust_<customer>_<milliseconds>`, which no other call in this process returns. No sandbox
/// and no service knows it.
///
/// ```
/// use affitor::test_util::click_id;
///
/// assert!(click_id().as_str().starts_with("cust_"));
/// assert_ne!(click_id(), click_id());
/// ```
#[allow(clippy::expect_used, clippy::missing_panics_doc, reason = "it is valid by construction")]
pub fn click_id() -> ClickId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    ClickId::new(format!("cust_{number}_{}", 1_790_000_000_000 + number)).expect("a valid click id")
}

/// Checks a click id that a test puts into a request.
///
/// # Panics
///
/// Panics if it is not a valid click id, which a layer would ignore.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "it is an assertion")]
pub fn checked_click_id(id: impl AsRef<str>) -> ClickId {
    ClickId::new(id.as_ref()).unwrap_or_else(|error| panic!("a layer would ignore this click id: {error}"))
}
