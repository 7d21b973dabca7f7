//! Reading a body ahead of the inner service.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Body;

use super::replay::{Ahead, End, Replay};

/// A body that is being read ahead.
pub(super) struct Reading<B: Body> {
    body: B,
    // Boxed once, and passed on as it is.
    ahead: Box<Ahead<B::Error>>,
    has_ended: bool,
}

impl<B: Body<Data = Bytes> + Unpin> Reading<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        let ahead = Box::new(Ahead::new(limit, body.size_hint()));
        Self { body, ahead, has_ended: false }
    }

    /// Reads until the body ends, or until reading on is pointless.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.ahead.set_hint(self.body.size_hint());
            // A body is not polled at its end: that is left to the handler, as without the layer.
            if self.body.is_end_stream() {
                break;
            }
            let end = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        if self.ahead.push(data) {
                            continue;
                        }
                        return Poll::Ready(());
                    }
                    Err(other) => End::Frame(other),
                },
                Some(Err(error)) => {
                    self.ahead.end(End::Error(error));
                    return Poll::Ready(());
                }
                None => End::Finished,
            };
            self.ahead.end(end);
            break;
        }
        self.has_ended = true;
        Poll::Ready(())
    }

    /// Returns the complete body, unless it is too long or failed.
    pub(super) fn complete(&self) -> Option<&[u8]> {
        self.has_ended.then(|| self.ahead.complete())?
    }

    /// Returns a body that yields what was read, and then the rest.
    pub(super) fn into_replay(self) -> Replay<B> {
        Replay::after(self.ahead, self.body)
    }
}
