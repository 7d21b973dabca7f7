//! The core's search over a request's head.

use affitor::find::{
    BodyKind, Sources,
    adapter::{BodyHead, Head},
};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, UPGRADE},
    request::Parts,
};

/// What a layer is told at its start, shared by all of its clones.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) sources: Sources,
    pub(crate) header: HeaderName,
    pub(crate) body_when: Option<fn(&Parts) -> bool>,
}

impl Config {
    pub(crate) fn new(sources: Sources) -> Self {
        // `Sources` takes nothing but header names.
        let header = HeaderName::from_bytes(sources.header_name().as_bytes())
            .unwrap_or(HeaderName::from_static(affitor::find::CLICK_ID_HEADER));
        Self { sources, header, body_when: None }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new(Sources::default())
    }
}

/// The head of a request, with what is known of its body.
pub(crate) struct RequestHead<'r> {
    pub(crate) config: &'r Config,
    pub(crate) headers: &'r HeaderMap,
    /// The outer option says whether the body may be looked into, the inner one is its length.
    pub(crate) body_length: Option<Option<u64>>,
}

impl Head for RequestHead<'_> {
    fn forwarded(&self) -> impl Iterator<Item = &[u8]> {
        values(self.headers, &self.config.header)
    }

    fn cookies(&self) -> impl Iterator<Item = &[u8]> {
        values(self.headers, &COOKIE)
    }

    fn body(&self) -> Option<BodyKind> {
        // An empty body is the common case, and known at once.
        let known_length = self.body_length.filter(|length| *length != Some(0))?;
        let first = |name| self.headers.get(name).map(HeaderValue::as_bytes);
        self.config.sources.look(&BodyHead {
            content_type: Some(first(CONTENT_TYPE)?),
            content_encoding: first(CONTENT_ENCODING),
            expects: self.headers.contains_key(EXPECT) || self.headers.contains_key(UPGRADE),
            length: known_length.or_else(|| std::str::from_utf8(first(CONTENT_LENGTH)?).ok()?.parse().ok()),
        })
    }
}

fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h> {
    headers.get_all(name).into_iter().map(HeaderValue::as_bytes)
}
