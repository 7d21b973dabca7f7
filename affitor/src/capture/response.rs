//! The response of a request that capture concerns.

use std::{
    fmt,
    task::{Context, Poll},
};

use super::{head::Response, request::Capture};

/// A response that may wait for its click. Created by [`Capture::into_response`].
pub struct PendingResponse<R> {
    capture: Capture,
    /// What the handler has responded, while it waits.
    response: Option<R>,
}

impl Capture {
    /// Continues with the response of the request.
    pub fn into_response<R: Response>(self) -> PendingResponse<R> {
        PendingResponse { capture: self, response: None }
    }
}

impl<R: Response> PendingResponse<R> {
    /// Polls the handler, and then the call. `handler` polls the handler, and is not called any more once that has responded.
    ///
    /// The handler is polled before the call starts, since a redirect or an error is usually ready at once, and may need no call.
    /// After that, both run concurrently.
    pub fn poll<E>(
        &mut self,
        cx: &mut Context<'_>,
        handler: impl FnOnce(&mut Context<'_>) -> Poll<Result<R, E>>,
    ) -> Poll<Result<R, E>> {
        let mut response = match self.response.take() {
            Some(response) => response,
            None => match handler(cx) {
                Poll::Ready(response) => response?,
                Poll::Pending => {
                    self.capture.start();
                    return Poll::Pending;
                }
            },
        };
        if self.capture.poll_ready(&response, cx).is_pending() {
            self.response = Some(response);
            return Poll::Pending;
        }
        self.capture.finish(&mut response);
        Poll::Ready(Ok(response))
    }
}

impl<R> fmt::Debug for PendingResponse<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingResponse").field("capture", &self.capture).finish_non_exhaustive()
    }
}
