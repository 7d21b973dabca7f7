//! What has been read of a body so far.

use bytes::{Bytes, BytesMut};

/// The frames that were read of a body while looking into it, kept to be passed on.
///
/// A frame that arrived whole goes on as it came. Several are copied together, since keeping small frames would keep
/// the connection's whole buffers; the frame that goes over the limit is kept beside them as it came. So no
/// more is held than the limit (with the room of a growing buffer, where the length is not known) and one frame.
#[derive(Debug)]
pub struct Prefix {
    limit: usize,
    expected: Option<u64>,
    first: Bytes,
    joined: BytesMut,
    surplus: Option<Bytes>,
}

impl Prefix {
    /// Nothing yet. `expected` is the body's length in bytes where it is known: room for it is made at once when there
    /// is more than one frame.
    pub fn new(limit: usize, expected: Option<u64>) -> Self {
        Self { limit, expected, first: Bytes::new(), joined: BytesMut::new(), surplus: None }
    }

    /// Takes a frame; `false` when the limit is passed and there is nothing more to look for.
    #[must_use]
    pub fn push(&mut self, frame: Bytes) -> bool {
        if frame.len() > self.limit.saturating_sub(self.len()) {
            self.surplus = Some(frame);
            return false;
        }
        if self.len() == 0 {
            self.first = frame;
        } else {
            if self.joined.is_empty() {
                let expected = self.expected.and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
                self.joined.reserve(expected.min(self.limit).max(self.first.len() + frame.len()));
                self.joined.extend_from_slice(&self.first);
                self.first = Bytes::new();
            }
            self.joined.extend_from_slice(&frame);
        }
        true
    }

    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    /// What was read, up to the limit.
    pub fn as_slice(&self) -> &[u8] {
        if self.joined.is_empty() { &self.first } else { &self.joined }
    }

    /// What was read of a body that has ended, unless it is not all of it: some servers report no error for a body that
    /// was cut off.
    pub fn whole(&self) -> Option<&[u8]> {
        let read = self.as_slice();
        let complete = self.surplus.is_none() && self.expected.is_none_or(|len| len == read.len() as u64);
        complete.then_some(read)
    }

    /// How many bytes are held, the frame over the limit included.
    pub fn held(&self) -> usize {
        self.len() + self.surplus.as_ref().map_or(0, Bytes::len)
    }

    /// The next frame to be passed on; none is empty.
    pub fn pop(&mut self) -> Option<Bytes> {
        if !self.first.is_empty() {
            return Some(std::mem::take(&mut self.first));
        }
        if !self.joined.is_empty() {
            return Some(std::mem::take(&mut self.joined).freeze());
        }
        self.surplus.take().filter(|frame| !frame.is_empty())
    }
}
