//! The time of the clock, as pages need it.

/// The time of the clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) ms: i64,
    /// Whether the clock was moved, so that times alone would be ambiguous.
    pub(super) moved: bool,
}
