//! Where a click id is looked for.

use std::time::Duration;

use super::{
    BODY_LIMIT, BODY_TIMEOUT, BodyKind, CLICK_ID_COOKIE, CLICK_ID_HEADER, FIELDS, Names, OLD_CLICK_ID_COOKIE,
    body::BodyHead,
};

/// A place in a request that can hold a click id.
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

/// Where a click id is looked for, and in which order. Made once, when the app starts.
///
/// By default: the header, the body, the cookie. What the page forwards on purpose beats the cookie, which may be of
/// another visit.
///
/// ```
/// use affitor::find::{Source, Sources};
///
/// let sources = Sources::default()
///     .order([Source::Cookie, Source::Header]) // the body is never looked at
///     .header("x-click")
///     .cookies(["affitor_click_id"]);
/// assert_eq!(sources.in_order(), [Source::Cookie, Source::Header]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "sources do nothing until a layer has them"]
pub struct Sources {
    order: Vec<Source>,
    header: Box<str>,
    cookies: Names,
    fields: Names,
    body_limit: usize,
    body_timeout: Duration,
    unknown_length: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            order: vec![Source::Header, Source::Body, Source::Cookie],
            header: CLICK_ID_HEADER.into(),
            cookies: Names::new([CLICK_ID_COOKIE, OLD_CLICK_ID_COOKIE]),
            fields: Names::new(FIELDS),
            body_limit: BODY_LIMIT,
            body_timeout: BODY_TIMEOUT,
            unknown_length: false,
        }
    }
}

impl Sources {
    /// Which sources are looked at, the first one first. One that is not named is off; a second mention is ignored.
    pub fn order(mut self, order: impl IntoIterator<Item = Source>) -> Self {
        self.order.clear();
        for source in order {
            if !self.order.contains(&source) {
                self.order.push(source);
            }
        }
        self
    }

    /// The name of the forwarded header. Default: [`CLICK_ID_HEADER`].
    ///
    /// # Panics
    ///
    /// When it is no header name (empty, or with other characters than RFC 9110 allows in a token).
    pub fn header(mut self, name: &str) -> Self {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert!(!name.is_empty() && name.bytes().all(token), "{name:?} is no header name");
        self.header = name.to_ascii_lowercase().into();
        self
    }

    /// The names of the cookies, the first one first. Default: [`CLICK_ID_COOKIE`], [`OLD_CLICK_ID_COOKIE`] (which
    /// counts only when its value starts with `cust_`, here too).
    pub fn cookies<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.cookies = Names::new(names);
        self
    }

    /// The names of the body fields, the first one first. Default: [`FIELDS`].
    pub fn fields<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.fields = Names::new(names);
        self
    }

    /// The longest body that is looked into, in bytes. Default: [`BODY_LIMIT`]. Longer ones go on untouched.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How long to wait for a body that is looked into. Default: [`BODY_TIMEOUT`]. When it is over, the handler is called
    /// with what has come and the rest, as without the layer, and the other sources are looked at. In effect with the
    /// feature `client`, in a Tokio runtime; `ClickIdLayer` without that feature waits as long as the body takes.
    pub fn body_timeout(mut self, limit: Duration) -> Self {
        self.body_timeout = limit;
        self
    }

    /// Whether bodies of unknown length (chunked) are looked into as well. Off by default: waiting for such a body
    /// holds up a client that waits for the answer before it sends the rest.
    pub fn unknown_length(mut self, look: bool) -> Self {
        self.unknown_length = look;
        self
    }

    /// The sources that are on, in their order.
    pub fn in_order(&self) -> &[Source] {
        &self.order
    }

    /// The name of the forwarded header, in lower case.
    pub fn header_name(&self) -> &str {
        &self.header
    }

    /// The names of the cookies.
    pub fn cookie_names(&self) -> &Names {
        &self.cookies
    }

    /// The names of the body fields.
    pub fn field_names(&self) -> &Names {
        &self.fields
    }

    /// How long a body that is looked into is waited for.
    pub fn timeout(&self) -> Duration {
        self.body_timeout
    }

    /// The longest body that is looked into, in bytes.
    pub fn limit(&self) -> usize {
        self.body_limit
    }

    #[doc(hidden)]
    /// Whether a body may be looked into, and as what: when it is of a known kind, not compressed, not empty, not
    /// announced with `Expect`, and of a known length up to the limit.
    pub fn look(&self, body: &BodyHead<'_>) -> Option<BodyKind> {
        let length_fits = match body.length {
            Some(length) => length > 0 && length <= self.body_limit as u64,
            None => self.unknown_length,
        };
        let plain = body.content_encoding.is_none_or(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"identity"));
        if !length_fits || !plain || body.expects || self.fields.is_empty() {
            return None;
        }
        BodyKind::of(body.content_type?)
    }
}
