//! What a layer is configured with, and what it does to each request.

use std::{fmt, sync::Arc};

use affitor_core::{
    ClickId,
    find::{Header, RequestHead, Sources},
};
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, UPGRADE},
    request::Parts,
};

/// Decides by its head whether the body of a request is inspected.
pub(crate) type BodyWhen = dyn Fn(&Parts) -> bool + Send + Sync;

/// The configuration that all clones of a layer and its services share.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) sources: Sources,
    header: HeaderName,
    pub(crate) body_when: Option<Arc<BodyWhen>>,
    /// If set, an `Attribution` is inserted into every request; otherwise a `ClickId`, if there is one.
    #[cfg(feature = "client")]
    client: Option<affitor::Client>,
}

impl Config {
    #[cfg(feature = "client")]
    pub(crate) fn with_client(client: affitor::Client) -> Self {
        affitor::adapter::MissingLayer::layer_created();
        Self { client: Some(client), ..Self::default() }
    }

    pub(crate) fn set_sources(&mut self, sources: Sources) {
        self.header = header_name(&sources);
        self.sources = sources;
    }

    /// Returns whether an outer layer has done the search; if so, inserts what this layer's extractors need.
    #[inline(always)]
    pub(crate) fn adopt_outer(&self, extensions: &mut Extensions) -> bool {
        #[cfg(feature = "client")]
        if let Some(client) = &self.client {
            return !extensions.is_empty() && self.adopt_attribution(client, extensions);
        }
        extensions.get::<ClickId>().is_some()
    }

    #[cfg(feature = "client")]
    fn adopt_attribution(&self, client: &affitor::Client, extensions: &mut Extensions) -> bool {
        use affitor::adapter::Attribution;

        if extensions.get::<Attribution>().is_some() {
            return true;
        }
        // From the layer that captures clicks, or from one without a client.
        let Some(click_id) = extensions.get::<ClickId>().cloned() else { return false };
        extensions.insert(Attribution::new(client.clone(), &self.sources, Some(click_id)));
        true
    }

    /// Inserts the result of the search.
    #[inline(always)]
    pub(crate) fn insert(&self, extensions: &mut Extensions, found: Option<ClickId>) {
        #[cfg(feature = "client")]
        if let Some(client) = &self.client {
            extensions.insert(affitor::adapter::Attribution::new(client.clone(), &self.sources, found));
            return;
        }
        if let Some(click_id) = found {
            extensions.insert(click_id);
        }
    }

    pub(crate) fn head<'r>(&'r self, headers: &'r HeaderMap) -> Head<'r> {
        Head { config: self, headers }
    }
}

impl Default for Config {
    fn default() -> Self {
        let sources = Sources::default();
        Self {
            header: header_name(&sources),
            sources,
            body_when: None,
            #[cfg(feature = "client")]
            client: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("sources", &self.sources)
            .field("body_when", &self.body_when.is_some())
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
    headers: &'r HeaderMap,
}

impl RequestHead for Head<'_> {
    #[inline(always)]
    fn values(&self, header: Header) -> impl Iterator<Item = &[u8]> {
        self.headers.get_all(self.name(header)).into_iter().map(HeaderValue::as_bytes)
    }

    #[inline(always)]
    fn value(&self, header: Header) -> Option<&[u8]> {
        self.headers.get(self.name(header)).map(HeaderValue::as_bytes)
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
