//! The time limit for a body. Without the feature `client` there is none, because it needs Tokio.

#[cfg(feature = "client")]
pub(super) use affitor::adapter::Deadline;

/// A limit that never passes.
#[cfg(not(feature = "client"))]
pub(super) struct Deadline;

#[cfg(not(feature = "client"))]
impl Deadline {
    pub(super) fn start(_: std::time::Duration) -> Self {
        Self
    }

    pub(super) fn poll(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::task::Poll::Pending
    }
}
