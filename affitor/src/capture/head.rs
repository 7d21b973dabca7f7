//! The head of a request or response, as capture reads it.

use std::net::IpAddr;

/// The headers of a request or response, as a framework represents them.
pub trait Headers {
    /// Calls `value` with each value of a header, in the order in which they were received. `name` is in lower case.
    fn each<'h>(&'h self, name: &str, value: &mut dyn FnMut(&'h [u8]));
}

/// A response, as a framework represents it. Names of headers are in lower case.
pub trait Response: Headers {
    /// Returns the status.
    fn status(&self) -> u16;

    /// Adds a header. A value that can't be in a header is left out.
    fn append(&mut self, name: &'static str, value: &str);

    /// Sets a header, in place of all that have this name. A value that can't be in a header is left out.
    fn insert(&mut self, name: &'static str, value: &str);

    /// Removes all headers whose name satisfies a condition.
    fn remove_if(&mut self, condition: &dyn Fn(&str) -> bool);
}

/// The head of a request. Predicates of [`ClickCaptureBuilder`](super::ClickCaptureBuilder) get it as `&dyn Head`, with the methods
/// [`header`](#method.header) and [`cookie`](#method.cookie).
pub trait Head: Headers {
    /// Returns the method, in upper case.
    fn method(&self) -> &str;

    /// Returns the path of the URL, as it was received.
    fn path(&self) -> &str;

    /// Returns the query of the URL, without `?`.
    fn query(&self) -> Option<&str>;

    /// Returns the host and port to which the request was sent: `:authority` of HTTP/2, else the header `Host`.
    fn authority(&self) -> Option<&[u8]>;

    /// Returns whether this server itself received the request over TLS.
    fn is_tls(&self) -> bool;

    /// Returns the address from which the request came, which may be that of a proxy. Default: it is not known.
    fn peer(&self) -> Option<IpAddr> {
        None
    }
}

impl<'d> dyn Head + 'd {
    /// Returns the first value of a header, without white space around it. `None` if it is not ASCII text.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(self, name)
    }

    /// Returns the first value of a header, even if it is not ASCII text.
    pub(super) fn lossy(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        let mut first = None;
        self.each(name, &mut |value| first = first.or(Some(value)));
        first.map(String::from_utf8_lossy)
    }

    /// Returns the value of the first cookie with this name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut found = None;
        self.each("cookie", &mut |header| {
            for pair in header.split(|byte| *byte == b';') {
                let value = pair.trim_ascii().strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
                if let (None, Some(value)) = (found, value) {
                    found = std::str::from_utf8(value).ok();
                }
            }
        });
        found
    }
}

/// Returns the first value of a header, if it is ASCII text.
pub(super) fn first<'h, H: Headers + ?Sized>(headers: &'h H, name: &str) -> Option<&'h str> {
    let mut first = None;
    headers.each(name, &mut |value| first = first.or(Some(value)));
    let text = std::str::from_utf8(first?.trim_ascii()).ok()?;
    text.is_ascii().then_some(text)
}
