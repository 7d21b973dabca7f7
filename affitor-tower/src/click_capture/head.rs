//! Requests and responses, as capture reads them.

use affitor::capture::{self, Head, Headers};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header::HOST, uri::Scheme};

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

/// A response.
pub(super) struct Page<R>(pub(super) Response<R>);

impl<R> Headers for Page<R> {
    fn each<'h>(&'h self, name: &str, value: &mut dyn FnMut(&'h [u8])) {
        each(self.0.headers(), name, value);
    }
}

impl<R> capture::Response for Page<R> {
    fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    fn append(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().append(HeaderName::from_static(name), value);
        }
    }

    fn insert(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }

    fn remove_if(&mut self, condition: &dyn Fn(&str) -> bool) {
        let names = self.0.headers().keys().filter(|name| condition(name.as_str()));
        for name in names.cloned().collect::<Vec<_>>() {
            self.0.headers_mut().remove(name);
        }
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
