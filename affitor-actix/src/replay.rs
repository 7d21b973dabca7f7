//! A payload that is read ahead, and then passed on.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{dev::Payload, error::PayloadError};
use affitor::find::Prefix;
use bytes::Bytes;
use futures_core::Stream;

/// A payload that is read ahead. As a stream it yields what was read, and then the rest.
pub(crate) struct Replay {
    prefix: Prefix,
    end: Option<End>,
    has_ended: bool,
    rest: Payload,
}

/// What can follow a prefix.
enum End {
    Error(PayloadError),
    /// The payload ended. Its reader learns that from here, because the payload must not be polled after its end.
    Finished,
}

impl Replay {
    pub(crate) fn new(payload: Payload, limit: usize, length: Option<u64>) -> Self {
        Self { prefix: Prefix::new(limit, length), end: None, has_ended: false, rest: payload }
    }

    /// Reads until the payload ends, or until reading on is pointless.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match ready!(Pin::new(&mut self.rest).poll_next(cx)) {
                Some(Ok(data)) => {
                    if !self.prefix.push(data) {
                        return Poll::Ready(());
                    }
                }
                Some(Err(error)) => {
                    self.end = Some(End::Error(error));
                    return Poll::Ready(());
                }
                None => {
                    self.end = Some(End::Finished);
                    self.has_ended = true;
                    return Poll::Ready(());
                }
            }
        }
    }

    /// Returns the complete body, unless it is too long or failed.
    pub(crate) fn complete(&self) -> Option<&[u8]> {
        self.has_ended.then(|| self.prefix.complete())?
    }

    pub(crate) fn into_payload(self) -> Payload {
        Payload::Stream { payload: Box::pin(self) }
    }
}

impl Stream for Replay {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(data) = self.prefix.pop() {
            return Poll::Ready(Some(Ok(data)));
        }
        match self.end.take() {
            Some(End::Error(error)) => Poll::Ready(Some(Err(error))),
            Some(End::Finished) => Poll::Ready(None),
            None => Pin::new(&mut self.rest).poll_next(cx),
        }
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("held", &self.prefix.held()).finish_non_exhaustive()
    }
}
