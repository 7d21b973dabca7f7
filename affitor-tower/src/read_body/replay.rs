//! A body that was read ahead, as its reader sees it.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use affitor_core::find::Prefix;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A request body behind a layer that inspects bodies: yields what was read, and then the rest.
    ///
    /// It behaves like the original body: the same bytes, trailers and errors, the same `size_hint` and `is_end_stream`. Only the
    /// boundaries of frames may differ, because small frames are combined.
    pub struct Replay<B: Body> {
        // `None` in a body that was not inspected, and after it was passed on.
        ahead: Option<Box<Ahead<B::Error>>>,
        #[pin]
        rest: B,
    }
}

/// What was read ahead.
pub(super) struct Ahead<E> {
    prefix: Prefix,
    /// What followed the prefix, if it was read.
    end: Option<End<E>>,
    /// The size hint before the prefix, and the one after it.
    hint: SizeHint,
    hint_after: SizeHint,
}

/// What can follow a prefix.
pub(super) enum End<E> {
    /// A frame that is not data: trailers.
    Frame(Frame<Bytes>),
    /// The body failed.
    Error(E),
    /// The body ended. Its reader learns that from here, because some bodies must not be polled after their end.
    Finished,
}

impl<E> Ahead<E> {
    pub(super) fn new(limit: usize, hint: SizeHint) -> Self {
        Self { prefix: Prefix::new(limit, hint.exact()), end: None, hint_after: hint, hint }
    }

    /// Sets the body's size hint, before its next frame is polled.
    pub(super) fn set_hint(&mut self, hint: SizeHint) {
        self.hint_after = hint;
    }

    /// Adds a frame of data. Returns `false` if the limit is exceeded.
    pub(super) fn push(&mut self, data: Bytes) -> bool {
        self.prefix.push(data)
    }

    pub(super) fn end(&mut self, end: End<E>) {
        self.end = Some(end);
    }

    pub(super) fn complete(&self) -> Option<&[u8]> {
        self.prefix.complete()
    }

    pub(super) fn held(&self) -> usize {
        self.prefix.held()
    }

    fn is_empty(&self) -> bool {
        self.held() == 0 && self.end.is_none()
    }

    /// Returns what the reader sees next. Must not be called if it is empty.
    fn pop(&mut self) -> Option<Result<Frame<Bytes>, E>> {
        if let Some(data) = self.prefix.pop() {
            self.hint = self.hint_after;
            return Some(Ok(Frame::data(data)));
        }
        match self.end.take()? {
            End::Frame(frame) => Some(Ok(frame)),
            End::Error(error) => Some(Err(error)),
            End::Finished => None,
        }
    }
}

impl<B: Body> Replay<B> {
    pub(super) fn unread(body: B) -> Self {
        Self { ahead: None, rest: body }
    }

    pub(super) fn after(ahead: Box<Ahead<B::Error>>, rest: B) -> Self {
        let ahead = Some(ahead).filter(|ahead| !ahead.is_empty());
        Self { ahead, rest }
    }
}

impl<B: Body<Data = Bytes>> Body for Replay<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let Some(ahead) = this.ahead else { return this.rest.poll_frame(cx) };
        let next = ahead.pop();
        if ahead.is_empty() {
            *this.ahead = None;
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.ahead {
            Some(ahead) => ahead.hint,
            None => self.rest.size_hint(),
        }
    }
}

impl<B: Body> fmt::Debug for Replay<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.ahead.as_ref().map_or(0, |ahead| ahead.held());
        f.debug_struct("Replay").field("held", &held).finish_non_exhaustive()
    }
}
