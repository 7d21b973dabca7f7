//! Layers that inspect bodies.
//!
//! A layer that searches only the head works with any body type and has the inner service's future. A layer that inspects bodies has
//! another service, whose inner service must be `Clone`, and `ConvertBody` sets the body type of that service: axum's `Body` stays
//! axum's.
//!
//! Waiting is limited. Until the body has arrived, the inner service is not called, and no time-out inside the layer runs. So the
//! layer waits at most 2 seconds. The timer is a task of its own: without a time driver that task panics, and not the request.
//! Meanwhile the layer occupies no slot of the inner service (of a buffer or a limit): it drops the service that was polled ready and
//! polls a clone when the body has arrived.

mod deadline;
mod future;
mod layer;
mod reading;
mod replay;
mod service;

pub use future::ResponseFuture;
pub use layer::ReadBodyLayer;
pub use replay::Replay;
pub use service::ReadBodyService;

/// Converts request bodies to the type that the inner service gets.
///
/// The default is [`IntoReplay`]. A framework with its own body type implements this trait to keep that type. It is used with
/// [`AffitorLayer::read_body_as`](crate::AffitorLayer::read_body_as).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not convert request bodies of type `{B}`",
    note = "a layer that inspects bodies needs bodies with `Data = Bytes` that are `Unpin`: use the layer without `read_body`, or box the body"
)]
pub trait ConvertBody<B: http_body::Body> {
    /// Body that the inner service gets.
    type Body;

    /// Converts a body that was not inspected.
    fn unread(body: B) -> Self::Body;

    /// Converts a body that was inspected.
    fn replay(body: Replay<B>) -> Self::Body;
}

/// Converts every body to a [`Replay`].
#[derive(Clone, Copy, Debug, Default)]
pub struct IntoReplay;

impl<B: http_body::Body> ConvertBody<B> for IntoReplay {
    type Body = Replay<B>;

    fn unread(body: B) -> Replay<B> {
        Replay::unread(body)
    }

    fn replay(body: Replay<B>) -> Replay<B> {
        body
    }
}
