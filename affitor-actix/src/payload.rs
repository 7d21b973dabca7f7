//! Reading a payload ahead, and passing it on as it came.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{dev::Payload, error::PayloadError};
use affitor::find::adapter::Prefix;
use bytes::Bytes;
use futures_core::Stream;

/// A payload that is being read ahead, and then one that is passed on: what was read, and the rest.
pub(crate) struct Replay {
    prefix: Prefix,
    end: Option<End>,
    ended: bool,
    rest: Payload,
}

/// What can stand behind a prefix.
enum End {
    Error(PayloadError),
    /// The payload said that it has ended; its reader is told once, and not by asking the payload a second time.
    Nothing,
}

impl Replay {
    pub(crate) fn new(payload: Payload, limit: usize, length: Option<u64>) -> Self {
        Self { prefix: Prefix::new(limit, length), end: None, ended: false, rest: payload }
    }

    /// Reads on, until the payload ends or there is nothing more to look for.
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
                    self.end = Some(End::Nothing);
                    self.ended = true;
                    return Poll::Ready(());
                }
            }
        }
    }

    /// The whole body, if it was short enough and came without an error.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        self.ended.then(|| self.prefix.whole())?
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
            Some(End::Nothing) => Poll::Ready(None),
            None => Pin::new(&mut self.rest).poll_next(cx),
        }
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("held", &self.prefix.held()).finish_non_exhaustive()
    }
}
