//! The part of a body that was read ahead.
//!
//! A body is read ahead, never drained. `Prefix` keeps what was read: a single frame as it came, several copied into one, never more
//! than the limit and one frame. `Replay` yields it, and then the rest. It repeats an end that was seen instead of polling the body
//! twice, and returns the size hint that the body would have at that point.

use bytes::{Bytes, BytesMut};

/// The part of a body that was read ahead, to be passed on.
///
/// A single frame is passed on as it is. Several frames are copied into one, because small frames keep the connection's whole
/// buffers alive. The frame that exceeds the limit is kept separately. So the prefix holds at most the limit and one frame; if the
/// length is not known, the buffer may have spare capacity.
///
/// ```
/// use affitor_core::find::Prefix;
///
/// let mut prefix = Prefix::new(64 * 1024, Some(10));
/// assert!(prefix.push("{\"a\"".into()) && prefix.push(": 123}".into()));
/// assert_eq!(prefix.complete(), Some(&b"{\"a\": 123}"[..]));
/// assert_eq!(prefix.pop().unwrap(), "{\"a\": 123}");
/// assert_eq!(prefix.pop(), None);
/// ```
#[derive(Debug)]
pub struct Prefix {
    limit: usize,
    expected: Option<u64>,
    first: Bytes,
    joined: BytesMut,
    surplus: Option<Bytes>,
}

impl Prefix {
    /// Creates an empty prefix with a limit in bytes. `expected` is the body's length in bytes, if it is known; memory for
    /// it is allocated when there is a second frame.
    pub fn new(limit: usize, expected: Option<u64>) -> Self {
        Self { limit, expected, first: Bytes::new(), joined: BytesMut::new(), surplus: None }
    }

    /// Adds a frame. Returns `false` if it exceeds the limit: read no further.
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

    fn as_slice(&self) -> &[u8] {
        if self.joined.is_empty() { &self.first } else { &self.joined }
    }

    /// Returns the whole body. Call this only when the body has ended. Returns `None` if a part is missing: some servers
    /// report no error for a body that was cut off.
    pub fn complete(&self) -> Option<&[u8]> {
        let read = self.as_slice();
        let complete = self.surplus.is_none() && self.expected.is_none_or(|len| len == read.len() as u64);
        complete.then_some(read)
    }

    /// Returns the number of bytes held, including the frame that exceeds the limit.
    pub fn held(&self) -> usize {
        self.len() + self.surplus.as_ref().map_or(0, Bytes::len)
    }

    /// Returns the next frame to pass on. Frames are never empty.
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
