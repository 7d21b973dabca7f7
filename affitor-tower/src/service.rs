//! The service of layers that search the head of a request.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use affitor_core::find::{BodyAccess, Search, search};
use http::Request;
use tower_service::Service;

use crate::config::Config;

/// Finds the click id in the head of each request before it calls the inner service.
///
/// Created by [`ClickIdLayer`](crate::ClickIdLayer) and [`AffitorLayer`](crate::AffitorLayer). Works with any body type, and its
/// future is the inner service's.
#[derive(Clone, Debug)]
pub struct ClickIdService<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> ClickIdService<S> {
    pub(crate) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }

    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B> Service<Request<B>> for ClickIdService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if !self.config.adopt_outer(request.extensions_mut()) {
            let head = self.config.head(request.headers());
            let found = match search(&self.config.sources, &head, BodyAccess::HeadOnly) {
                Search::Done(found) => found,
                // Never for `HeadOnly`.
                Search::NeedsBody(_) => None,
            };
            self.config.insert(request.extensions_mut(), found);
        }
        self.inner.call(request)
    }
}
