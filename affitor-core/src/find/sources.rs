//! Where to find a click id.

use std::time::Duration;

use super::{BODY_LIMIT, BODY_TIMEOUT, CLICK_ID_COOKIE, CLICK_ID_HEADER, FIELDS, Names, OLD_CLICK_ID_COOKIE};

/// A place in a request that can contain a click id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The header that the page's script forwards.
    Header,
    /// A field of a JSON or form body.
    Body,
    /// The tracker's cookie.
    Cookie,
}

/// Where to find a click id, and in which order.
///
/// By default: the header, the body, the cookie. The layer of `affitor-tower` searches bodies only with `read_body`. What the page
/// forwards explicitly takes precedence over the cookie, which may belong to another visit.
///
/// ```
/// use affitor_core::find::{Source, Sources};
///
/// let sources = Sources::default()
///     .order([Source::Cookie, Source::Header]) // bodies are never inspected
///     .header("x-click")
///     .cookies(["affitor_click_id"]);
/// assert_eq!(sources.get_order(), [Source::Cookie, Source::Header]);
/// assert_eq!(sources.get_header(), "x-click");
/// ```
#[derive(Clone, Debug)]
#[must_use = "sources do nothing until a layer has them"]
pub struct Sources {
    order: Vec<Source>,
    /// Whether the order contains the cookie. Each request asks.
    reads_cookies: bool,
    header: Box<str>,
    cookies: Names,
    fields: Names,
    body_limit: usize,
    body_timeout: Duration,
    allow_unknown_length: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            order: vec![Source::Header, Source::Body, Source::Cookie],
            reads_cookies: true,
            header: CLICK_ID_HEADER.into(),
            cookies: Names::new([CLICK_ID_COOKIE, OLD_CLICK_ID_COOKIE]),
            fields: Names::new(FIELDS),
            body_limit: BODY_LIMIT,
            body_timeout: BODY_TIMEOUT,
            allow_unknown_length: false,
        }
    }
}

impl Sources {
    /// Sets which sources are searched, in order of precedence. A source that is not listed is never searched; a repeated one
    /// is ignored. A click id that an outer layer has inserted, such as one that captures clicks, comes before all of them.
    ///
    /// Without [`Source::Cookie`], no cookie is read: leads have no click history either.
    pub fn order(mut self, order: impl IntoIterator<Item = Source>) -> Self {
        self.order.clear();
        for source in order {
            if !self.order.contains(&source) {
                self.order.push(source);
            }
        }
        self.reads_cookies = self.order.contains(&Source::Cookie);
        self
    }

    /// Returns the sources in order of precedence.
    pub fn get_order(&self) -> &[Source] {
        &self.order
    }

    /// Returns whether cookies are read: whether the order contains [`Source::Cookie`].
    pub fn reads_cookies(&self) -> bool {
        self.reads_cookies
    }

    /// Sets the name of the click-id header. Default: [`CLICK_ID_HEADER`].
    ///
    /// # Panics
    ///
    /// Panics if the name is not a header name: if it is empty, longer than 256 bytes, or has characters that RFC 9110 does not
    /// allow in a token.
    pub fn header(mut self, name: &str) -> Self {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert!((1..=256).contains(&name.len()) && name.bytes().all(token), "{name:?} is not a header name");
        self.header = name.to_ascii_lowercase().into();
        self
    }

    /// Returns the name of the click-id header, in lower case.
    pub fn get_header(&self) -> &str {
        &self.header
    }

    /// Sets the names of the cookies, in order of precedence. Default: [`CLICK_ID_COOKIE`], [`OLD_CLICK_ID_COOKIE`]. The old name
    /// always requires a value that starts with `cust_`.
    pub fn cookies<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.cookies = Names::new(names);
        self
    }

    /// Returns the names of the cookies.
    pub fn get_cookies(&self) -> &Names {
        &self.cookies
    }

    /// Sets the names of the body fields, in order of precedence. Default: [`FIELDS`].
    pub fn fields<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.fields = Names::new(names);
        self
    }

    /// Returns the names of the body fields.
    pub fn get_fields(&self) -> &Names {
        &self.fields
    }

    /// Sets the size of the largest body that is inspected, in bytes. Default: [`BODY_LIMIT`]. A larger body is never
    /// inspected.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Returns the size of the largest body that is inspected, in bytes.
    pub fn get_body_limit(&self) -> usize {
        self.body_limit
    }

    /// Sets how long to wait for a body that is inspected. Default: [`BODY_TIMEOUT`]. After that the remaining sources are
    /// searched, and the handler gets the whole body, as without the layer.
    ///
    /// It has an effect in a Tokio runtime, and in `affitor-tower` only with its feature `client`. Else a layer waits as long as the body takes.
    pub fn body_timeout(mut self, limit: Duration) -> Self {
        self.body_timeout = limit;
        self
    }

    /// Returns how long to wait for a body that is inspected.
    pub fn get_body_timeout(&self) -> Duration {
        self.body_timeout
    }

    /// Allows inspecting bodies of unknown length (default: `false`): chunked ones, and those behind a layer that decompresses
    /// request bodies.
    ///
    /// A client that waits for a response before it sends the rest of its body is held up until
    /// [`body_timeout`](Sources::body_timeout).
    pub fn allow_unknown_length(mut self, allow: bool) -> Self {
        self.allow_unknown_length = allow;
        self
    }

    /// Returns whether bodies of unknown length are inspected.
    pub fn get_allow_unknown_length(&self) -> bool {
        self.allow_unknown_length
    }
}
