//! The middleware that captures clicks on the server.

mod future;
mod head;
mod middleware;

pub use future::ClickCaptureFuture;
pub use middleware::{ClickCaptureLayer, ClickCaptureService};
