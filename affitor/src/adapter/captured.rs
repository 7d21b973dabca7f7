//! What a capture layer stores in a request for the page.

/// Marks a request whose click the server reports itself: the value that a capture layer inserts into the request's extensions.
///
/// The tracker would report the same click. So [`BoundClient::script_tag`](crate::BoundClient::script_tag) returns `None` for it: pass
/// it on with [`BoundClient::captured_by_server`](crate::BoundClient::captured_by_server).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapturedByServer;

/// Marks a request that a capture layer has looked at: a second layer leaves it alone, or one visit would be two clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InsideCapture;
