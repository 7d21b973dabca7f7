//! Requests and responses, as capture reads them.

use actix_web::{
    dev::{RequestHead, ServiceRequest},
    http::header::{CACHE_CONTROL, HOST, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, SET_COOKIE},
};
use affitor::capture::{self, Changes, Headers};

/// The head of a request.
pub(super) struct Head<'r> {
    head: &'r RequestHead,
    is_tls: bool,
}

impl<'r> Head<'r> {
    pub(super) fn of(request: &'r ServiceRequest) -> Self {
        Self { head: request.head(), is_tls: request.app_config().secure() }
    }
}

impl Headers for Head<'_> {
    fn each<'h>(&'h self, name: &str, value: &mut dyn FnMut(&'h [u8])) {
        each(self.head.headers(), name, value);
    }
}

impl capture::Head for Head<'_> {
    fn method(&self) -> &str {
        self.head.method.as_str()
    }

    fn path(&self) -> &str {
        self.head.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }

    fn authority(&self) -> Option<&[u8]> {
        let authority = self.head.uri.authority().map(|authority| authority.as_str().as_bytes());
        authority.or_else(|| self.head.headers().get(HOST).map(HeaderValue::as_bytes))
    }

    fn is_tls(&self) -> bool {
        self.is_tls
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
    headers.get_all(name).for_each(|found| value(found.as_bytes()));
}

/// Applies the changes to the headers of a response. What can't be in a header is left out.
pub(super) fn apply(changes: Changes, headers: &mut HeaderMap) {
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
