//! What the middleware is configured with, and what it does to each request.

use std::{fmt, sync::Arc};

use actix_web::{
    HttpMessage as _,
    dev::{RequestHead, ServiceRequest},
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HeaderName, HeaderValue, UPGRADE},
};
use affitor::{
    ClickId, Client,
    adapter::{self, Attribution},
    find::{self, Header, Sources},
};

/// Decides by its head whether the body of a request is inspected.
pub(crate) type BodyWhen = dyn Fn(&RequestHead) -> bool + Send + Sync;

/// The configuration that all workers share.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) sources: Sources,
    header: HeaderName,
    pub(crate) body_when: Option<Arc<BodyWhen>>,
    client: Client,
}

impl Config {
    pub(crate) fn new(client: Client) -> Self {
        adapter::MissingLayer::layer_created();
        let sources = Sources::default();
        Self { header: header_name(&sources), sources, body_when: None, client }
    }

    pub(crate) fn set_sources(&mut self, sources: Sources) {
        self.header = header_name(&sources);
        self.sources = sources;
    }

    /// Returns whether an outer middleware has done the search; if so, inserts what the extractors need.
    pub(crate) fn adopt_outer(&self, request: &ServiceRequest) -> bool {
        let extensions = request.extensions();
        if extensions.contains::<Attribution>() {
            return true;
        }
        // From the middleware that captures clicks.
        let Some(captured) = extensions.get::<ClickId>().cloned() else { return false };
        drop(extensions);
        self.insert(request, Some(captured));
        true
    }

    /// Inserts the result of the search, for the extractors.
    pub(crate) fn insert(&self, request: &ServiceRequest, found: Option<ClickId>) {
        request.extensions_mut().insert(Attribution::new(self.client.clone(), &self.sources, found));
    }

    pub(crate) fn head<'r>(&'r self, request: &'r ServiceRequest) -> Head<'r> {
        Head { config: self, head: request.head() }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("sources", &self.sources)
            .field("body_when", &self.body_when.is_some())
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

#[expect(clippy::expect_used, reason = "`Sources::header` has already panicked otherwise")]
fn header_name(sources: &Sources) -> HeaderName {
    HeaderName::from_bytes(sources.get_header().as_bytes()).expect("`Sources` accepts only header names")
}

/// The head of a request.
pub(crate) struct Head<'r> {
    config: &'r Config,
    head: &'r RequestHead,
}

impl find::RequestHead for Head<'_> {
    #[inline(always)]
    fn values(&self, header: Header) -> impl Iterator<Item = &[u8]> {
        self.head.headers().get_all(self.name(header)).map(HeaderValue::as_bytes)
    }

    #[inline(always)]
    fn value(&self, header: Header) -> Option<&[u8]> {
        self.head.headers().get(self.name(header)).map(HeaderValue::as_bytes)
    }
}

impl Head<'_> {
    /// Callers pass a constant, so this match vanishes when it is inlined.
    #[inline(always)]
    fn name(&self, header: Header) -> &HeaderName {
        match header {
            Header::ClickId => &self.config.header,
            Header::Cookie => &COOKIE,
            Header::ContentType => &CONTENT_TYPE,
            Header::ContentEncoding => &CONTENT_ENCODING,
            Header::ContentLength => &CONTENT_LENGTH,
            Header::Expect => &EXPECT,
            Header::Upgrade => &UPGRADE,
        }
    }
}
