//! The layer that captures clicks on the server.

mod future;
mod head;
mod layer;
mod service;

pub use future::ClickCaptureFuture;
pub use layer::ClickCaptureLayer;
pub use service::ClickCaptureService;
