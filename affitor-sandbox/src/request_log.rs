//! What was asked of the sandbox, and what became of it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{ApiCall, fault::Fault};

/// A request and its fate.
///
/// With it a test can say what was lost and what was doubled: a request that was not answered, and one that changed
/// something without its sender hearing of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// Which one it was, from 1 on.
    pub number: u64,
    /// The call; absent for a path that is none of the service's calls.
    pub call: Option<ApiCall>,
    /// The method.
    pub method: String,
    /// The path, without its query; of a long one its beginning.
    pub path: String,
    /// The status of the answer; absent where a fault left the request without one.
    pub status: Option<u16>,
    /// Why it was refused, or why nothing was recorded, in the answer's words.
    pub error: Option<String>,
    /// Whether it changed what the sandbox holds: an event was recorded.
    pub changed: bool,
    /// The fault that was injected.
    pub fault: Option<Fault>,
    /// The sale's or refund's `transaction_id`, as sent.
    pub transaction_id: Option<String>,
    /// The `customer_key`, as sent.
    pub customer_key: Option<String>,
    /// The `click_id`, as sent; of a click, the one that was answered.
    pub click_id: Option<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

impl RequestRecord {
    /// Whether the sender was told that it is done: by a whole answer of 200, which does not say that it was not. (The
    /// sandbox does not know whether a sender waited for a late one.)
    pub fn is_confirmed(&self) -> bool {
        self.status == Some(200) && self.error.is_none() && self.fault != Some(Fault::CutAnswer)
    }

    /// Whether it was refused, came to nothing, or met a fault.
    pub(crate) fn went_wrong(&self) -> bool {
        self.fault.is_some() || self.error.is_some() || self.status.is_none_or(|status| status >= 400)
    }
}

/// The last so many requests.
#[derive(Debug)]
pub(crate) struct RequestLog {
    kept: VecDeque<RequestRecord>,
    most: usize,
    /// The number of the last one.
    last: u64,
    dropped: u64,
}

/// How many are kept unless the builder says otherwise.
pub(crate) const KEPT: usize = 10_000;

impl RequestLog {
    pub(crate) fn new(most: usize) -> Self {
        Self { kept: VecDeque::new(), most, last: 0, dropped: 0 }
    }

    /// The number of the next one.
    pub(crate) fn next_number(&self) -> u64 {
        self.last.saturating_add(1)
    }

    pub(crate) fn keep(&mut self, request: RequestRecord) {
        self.last = self.last.max(request.number);
        self.kept.push_back(request);
        if self.kept.len() > self.most {
            self.kept.pop_front();
            self.dropped += 1;
        }
    }

    pub(crate) fn kept(&self) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        self.kept.iter()
    }

    /// How many are not kept any more.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.dropped = 0;
    }
}
