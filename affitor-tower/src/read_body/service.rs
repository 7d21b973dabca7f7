//! The service of layers that inspect bodies.

use std::{
    fmt,
    marker::PhantomData,
    sync::Arc,
    task::{Context, Poll},
};

use affitor_core::find::{BodyAccess, BodySearch, Search, search};
use bytes::Bytes;
use http::Request;
use http_body::Body;
use tower_service::Service;

use super::{ConvertBody, IntoReplay, ResponseFuture, future::Pending, reading::Reading};
use crate::config::Config;

/// Finds the click id of each request, also in its body, before it calls the inner service.
///
/// Created by [`ReadBodyLayer`](crate::ReadBodyLayer). The inner service must be `Clone`. While a body arrives, the layer does not
/// keep a ready inner service, which may hold a permit: it drops the instance that was polled ready, and its future polls a clone. An
/// error of that `poll_ready` therefore comes from the future.
pub struct ReadBodyService<S, T = IntoReplay> {
    inner: S,
    config: Arc<Config>,
    convert: PhantomData<fn() -> T>,
}

impl<S, T> ReadBodyService<S, T> {
    pub(super) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config, convert: PhantomData }
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

impl<S, T, B> Service<Request<B>> for ReadBodyService<S, T>
where
    B: Body<Data = Bytes> + Unpin,
    T: ConvertBody<B>,
    S: Service<Request<T::Body>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, T, B>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if self.config.adopt_outer(request.extensions_mut()) {
            return ResponseFuture::calling(self.inner.call(request.map(T::unread)));
        }
        let access = BodyAccess::Readable { length: request.body().size_hint().exact() };
        match search(&self.config.sources, &self.config.head(request.headers()), access) {
            Search::Done(found) => {
                self.config.insert(request.extensions_mut(), found);
                ResponseFuture::calling(self.inner.call(request.map(T::unread)))
            }
            Search::NeedsBody(pending) => self.read(request, pending),
        }
    }
}

impl<S, T> ReadBodyService<S, T> {
    /// Reads the body before it calls the inner service, unless the app's predicate excludes it.
    fn read<B>(&mut self, request: Request<B>, search: BodySearch) -> ResponseFuture<S, T, B>
    where
        B: Body<Data = Bytes> + Unpin,
        T: ConvertBody<B>,
        S: Service<Request<T::Body>> + Clone,
    {
        let (mut parts, body) = request.into_parts();
        if self.config.body_when.as_ref().is_some_and(|when| !when(&parts)) {
            let found = search.finish(&self.config.sources, &self.config.head(&parts.headers), None);
            self.config.insert(&mut parts.extensions, found);
            return ResponseFuture::calling(self.inner.call(Request::from_parts(parts, T::unread(body))));
        }
        // The service that was polled ready is dropped: it may occupy one of few slots (of a buffer or a limit), and the body may
        // take its time. The clone is polled ready when the body has arrived.
        self.inner = self.inner.clone();
        ResponseFuture::pending(Pending {
            service: self.inner.clone(),
            reading: Reading::new(body, self.config.sources.get_body_limit()),
            config: Arc::clone(&self.config),
            parts,
            search,
            deadline: None,
            has_read: false,
        })
    }
}

impl<S: Clone, T> Clone for ReadBodyService<S, T> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.config))
    }
}

impl<S: fmt::Debug, T> fmt::Debug for ReadBodyService<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBodyService").field("inner", &self.inner).field("config", &self.config).finish()
    }
}
