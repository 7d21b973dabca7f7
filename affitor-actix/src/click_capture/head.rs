//! Requests and responses, as capture reads them.

use std::net::IpAddr;

use actix_web::{
    dev::{RequestHead, ServiceRequest, ServiceResponse},
    http::header::{HOST, HeaderMap, HeaderName, HeaderValue},
};
use affitor::capture::{self, Headers};

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

    fn peer(&self) -> Option<IpAddr> {
        Some(self.head.peer_addr?.ip())
    }
}

/// A response.
pub(super) struct Page<B>(pub(super) ServiceResponse<B>);

impl<B> Headers for Page<B> {
    fn each<'h>(&'h self, name: &str, value: &mut dyn FnMut(&'h [u8])) {
        each(self.0.headers(), name, value);
    }
}

impl<B> capture::Response for Page<B> {
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
    headers.get_all(name).for_each(|found| value(found.as_bytes()));
}
