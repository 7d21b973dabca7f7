//! The click-id header.

use crate::click_id::ClickId;

/// Returns the first valid id among the values of a header.
///
/// White space around a value is ignored. Two values that a proxy joined into one (`a, b`) are not a valid id.
#[inline(always)]
pub(super) fn click_id<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Option<ClickId> {
    values.into_iter().find_map(|value| ClickId::new(value.trim_ascii()).ok())
}
