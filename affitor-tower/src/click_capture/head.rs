//! Requests and responses, as capture reads them.

use affitor::capture::{Changes, Head, Headers};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri,
    header::{CACHE_CONTROL, HOST, REFERRER_POLICY, SET_COOKIE},
    uri::Scheme,
};

/// The head of a request.
pub(super) struct RequestHead<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
}

impl<'r> RequestHead<'r> {
    pub(super) fn of<B>(request: &'r Request<B>) -> Self {
        Self { method: request.method(), uri: request.uri(), headers: request.headers() }
    }
}

impl Headers for RequestHead<'_> {
    fn each<'h>(&'h self, name: &str, value: &mut dyn FnMut(&'h [u8])) {
        each(self.headers, name, value);
    }
}

impl Head for RequestHead<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    fn authority(&self) -> Option<&[u8]> {
        let authority = self.uri.authority().map(|authority| authority.as_str().as_bytes());
        authority.or_else(|| self.headers.get(HOST).map(HeaderValue::as_bytes))
    }

    fn is_tls(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }
}

/// The headers of a response.
pub(super) struct ResponseHeaders<'r>(pub(super) &'r HeaderMap);

impl Headers for ResponseHeaders<'_> {
    fn each<'h>(&'h self, name: &str, value: &mut dyn FnMut(&'h [u8])) {
        each(self.0, name, value);
    }
}

fn each<'h>(headers: &'h HeaderMap, name: &str, value: &mut dyn FnMut(&'h [u8])) {
    // Most look-ups are for cookies, and a constant name is found faster than a text.
    if name == "cookie" {
        headers.get_all(http::header::COOKIE).into_iter().for_each(|found| value(found.as_bytes()));
    } else {
        headers.get_all(name).into_iter().for_each(|found| value(found.as_bytes()));
    }
}

/// Applies the changes to a response. What can't be in a header is left out.
pub(super) fn apply<R>(changes: Changes, response: &mut Response<R>) {
    let headers = response.headers_mut();
    for line in changes.set_cookies {
        if let Ok(line) = HeaderValue::try_from(line) {
            headers.append(SET_COOKIE, line);
        }
    }
    if let Some(Ok(value)) = changes.cache_control.map(HeaderValue::try_from) {
        headers.insert(CACHE_CONTROL, value);
    }
    for name in changes.remove {
        headers.remove(HeaderName::from_static(name));
    }
    if let Some(policy) = changes.referrer_policy {
        headers.insert(REFERRER_POLICY, HeaderValue::from_static(policy));
    }
}
