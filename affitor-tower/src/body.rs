//! A body that is passed on as it came.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use affitor::find::adapter::Prefix;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A request body behind a layer that looks into bodies: what was read, and then the rest.
    ///
    /// To its reader it is the body itself: the same bytes, trailers and errors, the same `size_hint` and
    /// `is_end_stream`. Only where frames end may differ, since small ones are copied together.
    pub struct Replay<B: Body> {
        // What was read ahead; absent in a body that was not looked into, and once it is passed on.
        ahead: Option<Box<Ahead<B::Error>>>,
        #[pin]
        rest: B,
    }
}

/// What was read ahead of the rest.
pub(crate) struct Ahead<E> {
    prefix: Prefix,
    /// What stood behind the prefix, if that was read too.
    end: Option<End<E>>,
    /// The body's hint before it was read, and then the one behind the prefix.
    hint: SizeHint,
    hint_behind: SizeHint,
}

/// What can stand behind a prefix.
pub(crate) enum End<E> {
    /// A frame that is not data: trailers.
    Frame(Frame<Bytes>),
    /// The body broke off.
    Error(E),
    /// The body said that it has ended. Its reader is told once, and not by asking the body a second time: some don't
    /// bear it.
    Nothing,
}

impl<E> Ahead<E> {
    pub(crate) fn new(limit: usize, hint: SizeHint) -> Self {
        Self { prefix: Prefix::new(limit, hint.exact()), end: None, hint_behind: hint, hint }
    }

    /// Takes the body's hint before it is asked for its next frame.
    pub(crate) fn hint(&mut self, hint: SizeHint) {
        self.hint_behind = hint;
    }

    /// Takes a frame of data; `false` when the limit is passed.
    pub(crate) fn push(&mut self, data: Bytes) -> bool {
        self.prefix.push(data)
    }

    pub(crate) fn end(&mut self, end: End<E>) {
        self.end = Some(end);
    }

    pub(crate) fn whole(&self) -> Option<&[u8]> {
        self.prefix.whole()
    }

    pub(crate) fn held(&self) -> usize {
        self.prefix.held()
    }

    fn is_empty(&self) -> bool {
        self.held() == 0 && self.end.is_none()
    }

    /// The next that its reader would have seen; not to be called when empty.
    fn pop(&mut self) -> Option<Result<Frame<Bytes>, E>> {
        if let Some(data) = self.prefix.pop() {
            self.hint = self.hint_behind;
            return Some(Ok(Frame::data(data)));
        }
        match self.end.take()? {
            End::Frame(frame) => Some(Ok(frame)),
            End::Error(error) => Some(Err(error)),
            End::Nothing => None,
        }
    }
}

impl<B: Body> Replay<B> {
    pub(crate) fn untouched(body: B) -> Self {
        Self { ahead: None, rest: body }
    }

    pub(crate) fn after(ahead: Box<Ahead<B::Error>>, rest: B) -> Self {
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
