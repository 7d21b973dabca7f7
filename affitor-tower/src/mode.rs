//! What a layer may do with a body, as a type.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Body;

use crate::body::{Ahead, End, Replay};

/// What a layer does with request bodies of type `B`: which type the inner service gets, and whether and how a body is
/// read ahead.
///
/// [`HeadOnly`] never looks and takes any body; [`Wrapped`] looks and hands on a [`Replay`]. A framework with a body type
/// of its own implements it to keep that type, on top of [`Reading`].
pub trait BodyMode<B> {
    /// The body that the inner service gets.
    type Body;
    /// A body that is being read ahead. [`Never`] where that can't happen.
    type Reading: ReadAhead;
    /// Whether bodies are looked into at all.
    const LOOKS: bool;

    /// The body's length in bytes, where it is known. Asked only when bodies are looked into.
    fn known_length(body: &B) -> Option<u64>;

    /// Hands on a body that is not looked into.
    fn untouched(body: B) -> Self::Body;

    /// Begins to read a body ahead, up to `limit` bytes.
    ///
    /// # Errors
    ///
    /// The body, where bodies are never looked into.
    fn read_ahead(body: B, limit: usize) -> Result<Self::Reading, Self::Body>;

    /// Hands on a body that was read ahead.
    fn resume(reading: Self::Reading) -> Self::Body;
}

/// A body that is being read ahead.
pub trait ReadAhead {
    /// Reads on, until the body ends or there is nothing more to look for.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// The whole body, if it was short enough and came without an error.
    fn whole(&self) -> Option<&[u8]>;
}

/// Looks at the head of a request alone, and takes any body.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadOnly;

/// No body is ever read ahead.
#[derive(Debug)]
pub struct Never(Infallible);

impl ReadAhead for Never {
    fn poll_read(&mut self, _: &mut Context<'_>) -> Poll<()> {
        match self.0 {}
    }

    fn whole(&self) -> Option<&[u8]> {
        match self.0 {}
    }
}

impl<B> BodyMode<B> for HeadOnly {
    type Body = B;
    type Reading = Never;
    const LOOKS: bool = false;

    fn known_length(_: &B) -> Option<u64> {
        None
    }

    fn untouched(body: B) -> B {
        body
    }

    fn read_ahead(body: B, _: usize) -> Result<Never, B> {
        Err(body)
    }

    fn resume(reading: Never) -> B {
        match reading.0 {}
    }
}

/// Looks into bodies, and hands on a [`Replay`]. For bodies of `Bytes` that are `Unpin`: hyper's `Incoming`, the boxed
/// bodies of `http-body-util`, and most others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wrapped;

impl<B: Body<Data = Bytes> + Unpin> BodyMode<B> for Wrapped {
    type Body = Replay<B>;
    type Reading = Reading<B>;
    const LOOKS: bool = true;

    fn known_length(body: &B) -> Option<u64> {
        body.size_hint().exact()
    }

    fn untouched(body: B) -> Replay<B> {
        Replay::untouched(body)
    }

    fn read_ahead(body: B, limit: usize) -> Result<Reading<B>, Replay<B>> {
        Ok(Reading::new(body, limit))
    }

    fn resume(reading: Reading<B>) -> Replay<B> {
        reading.resume()
    }
}

/// Reads a body ahead, and hands it on as a [`Replay`].
pub struct Reading<B: Body> {
    body: B,
    // Boxed once here, and handed on as it is.
    ahead: Box<Ahead<B::Error>>,
    ended: bool,
}

impl<B: Body<Data = Bytes> + Unpin> Reading<B> {
    /// Begins to read, up to `limit` bytes.
    pub fn new(body: B, limit: usize) -> Self {
        let ahead = Box::new(Ahead::new(limit, body.size_hint()));
        Self { body, ahead, ended: false }
    }

    /// Hands on what was read, and the rest.
    pub fn resume(self) -> Replay<B> {
        Replay::after(self.ahead, self.body)
    }
}

impl<B: Body<Data = Bytes> + Unpin> ReadAhead for Reading<B> {
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A body that says it is at its end is not asked again: what it would answer is its reader's to see.
        loop {
            self.ahead.hint(self.body.size_hint());
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
                None => End::Nothing,
            };
            self.ahead.end(end);
            break;
        }
        self.ended = true;
        Poll::Ready(())
    }

    fn whole(&self) -> Option<&[u8]> {
        self.ended.then(|| self.ahead.whole())?
    }
}

impl<B: Body> fmt::Debug for Reading<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("held", &self.ahead.held()).finish_non_exhaustive()
    }
}
