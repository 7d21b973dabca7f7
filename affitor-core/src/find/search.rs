//! Searching the sources of a request in order.
//!
//! One search for each framework. `find::search` goes through the sources in order, over the trait `RequestHead`, which each adapter
//! implements over its own header map (actix-web uses `http` 0.2). It stops if it needs the body, and continues when the adapter has
//! read it. The rules about which bodies may be inspected exist once, there. One substring search, for what they have in common,
//! finds all names of a kind (`find/name.rs`).

use super::{Source, Sources, body::BodyKind, cookie, form, header, json};
use crate::click_id::ClickId;

/// A header that the search reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Header {
    /// The click-id header, whose name is [`Sources::get_header`].
    ClickId,
    /// `Cookie`.
    Cookie,
    /// `Content-Type`.
    ContentType,
    /// `Content-Encoding`.
    ContentEncoding,
    /// `Content-Length`.
    ContentLength,
    /// `Expect`.
    Expect,
    /// `Upgrade`.
    Upgrade,
}

impl Header {
    /// Returns the name of the header in lower case.
    #[inline]
    pub fn name(self, sources: &Sources) -> &str {
        match self {
            Self::ClickId => sources.get_header(),
            Self::Cookie => "cookie",
            Self::ContentType => "content-type",
            Self::ContentEncoding => "content-encoding",
            Self::ContentLength => "content-length",
            Self::Expect => "expect",
            Self::Upgrade => "upgrade",
        }
    }
}

/// The head of a request, as a framework represents it.
pub trait RequestHead {
    /// Returns the values of a header, in the order in which they were received.
    fn values(&self, header: Header) -> impl Iterator<Item = &[u8]>;

    /// Returns the first value of a header. Override it if that is cheaper than the first item of [`values`](Self::values).
    fn value(&self, header: Header) -> Option<&[u8]> {
        self.values(header).next()
    }
}

/// Whether the adapter can read request bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyAccess {
    /// The adapter can't read the body ahead of the handler.
    HeadOnly,
    /// The adapter can read the body ahead of the handler.
    Readable {
        /// Length of the body in bytes, if the framework knows it. If it is `None`, `Content-Length` is used.
        length: Option<u64>,
    },
}

/// The state of a search.
#[derive(Debug)]
pub enum Search {
    /// The search has ended, with or without an id.
    Done(Option<ClickId>),
    /// The search needs the body. Read it, and call [`BodySearch::finish`].
    NeedsBody(BodySearch),
}

/// A search that needs the body.
#[derive(Clone, Copy, Debug)]
pub struct BodySearch {
    kind: BodyKind,
    length: Option<u64>,
    next: usize,
}

impl BodySearch {
    /// Returns the length of the body in bytes, if it is known.
    pub fn body_length(&self) -> Option<u64> {
        self.length
    }

    /// Ends the search. Pass the same `sources` and `head` as to [`search`]. `body` is the complete body, or `None` if it is
    /// not available: too long, too slow, cut off, or not to be inspected after all.
    pub fn finish(self, sources: &Sources, head: &impl RequestHead, body: Option<&[u8]>) -> Option<ClickId> {
        let in_body = body.and_then(|body| match self.kind {
            BodyKind::Json => json::click_id(body, sources.get_fields()),
            BodyKind::Form => form::click_id(body, sources.get_fields()),
        });
        in_body.or_else(|| match search_from(self.next, sources, head, BodyAccess::HeadOnly) {
            Search::Done(found) => found,
            // Each source is listed once, so the body can't be needed a second time.
            Search::NeedsBody(_) => None,
        })
    }
}

/// Searches the sources in order, until one has an id or the body is needed.
#[inline]
pub fn search(sources: &Sources, head: &impl RequestHead, body: BodyAccess) -> Search {
    search_from(0, sources, head, body)
}

#[inline(always)]
fn search_from(first: usize, sources: &Sources, head: &impl RequestHead, body: BodyAccess) -> Search {
    let order = sources.get_order();
    let mut rest = order.get(first..).unwrap_or_default().iter();
    while let Some(source) = rest.next() {
        let found = match source {
            Source::Header => header::click_id(head.values(Header::ClickId)),
            Source::Cookie => cookie::click_id(head.values(Header::Cookie), sources.get_cookies()),
            Source::Body => match inspectable(sources, head, body) {
                Some((kind, length)) => {
                    let next = order.len() - rest.len();
                    return Search::NeedsBody(BodySearch { kind, length, next });
                }
                None => None,
            },
        };
        if found.is_some() {
            return Search::Done(found);
        }
    }
    Search::Done(None)
}

/// Returns the kind and the length of a body that may be inspected.
#[inline(always)]
fn inspectable(sources: &Sources, head: &impl RequestHead, body: BodyAccess) -> Option<(BodyKind, Option<u64>)> {
    match body {
        // Most requests have no body.
        BodyAccess::HeadOnly | BodyAccess::Readable { length: Some(0) } => None,
        BodyAccess::Readable { length } => inspectable_by_head(sources, head, length),
    }
}

/// The rules about which bodies may be inspected: JSON or a form, not compressed, not empty, without `Expect` or `Upgrade`,
/// and of a known length up to the limit.
fn inspectable_by_head(
    sources: &Sources,
    head: &impl RequestHead,
    length: Option<u64>,
) -> Option<(BodyKind, Option<u64>)> {
    let content_type = head.value(Header::ContentType)?;
    let length = length.or_else(|| {
        let value = head.value(Header::ContentLength)?;
        std::str::from_utf8(value).ok()?.parse().ok()
    });
    let length_fits = match length {
        Some(length) => length > 0 && length <= sources.get_body_limit() as u64,
        None => sources.get_allow_unknown_length(),
    };
    let is_plain = || {
        let coding = head.value(Header::ContentEncoding);
        coding.is_none_or(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"identity"))
    };
    // The client waits for a response before it sends the body, or what follows is not a body.
    let is_announced = || head.value(Header::Expect).is_some() || head.value(Header::Upgrade).is_some();
    if !length_fits || sources.get_fields().is_empty() || !is_plain() || is_announced() {
        return None;
    }
    Some((BodyKind::of(content_type)?, length))
}
