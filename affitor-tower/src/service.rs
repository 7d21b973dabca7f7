//! The service that the layers make.

use std::{
    fmt,
    marker::PhantomData,
    sync::Arc,
    task::{Context, Poll},
};

use affitor::find::adapter::{Search, Unfinished};
use http::Request;
use tower_service::Service;

use crate::{
    BodyMode, HeadOnly, Insert, InsertClickId, ResponseFuture,
    future::Looking,
    sources::{Config, RequestHead},
};

/// Finds the click id of each request before the inner service gets it.
///
/// Made by [`ClickIdLayer`](crate::ClickIdLayer) and [`AffitorLayer`](crate::AffitorLayer).
pub struct ClickIdService<S, M = HeadOnly, I = InsertClickId> {
    inner: S,
    config: Arc<Config>,
    insert: I,
    mode: PhantomData<fn() -> M>,
}

impl<S, M, I> ClickIdService<S, M, I> {
    pub(crate) fn new(inner: S, config: Arc<Config>, insert: I) -> Self {
        Self { inner, config, insert, mode: PhantomData }
    }
}

impl<S, M, I, B> Service<Request<B>> for ClickIdService<S, M, I>
where
    S: Service<Request<M::Body>> + Clone,
    M: BodyMode<B>,
    I: Insert + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, M, I, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if self.insert.is_done(request.extensions()) {
            return ResponseFuture::calling(self.inner.call(request.map(M::untouched)));
        }
        let head = RequestHead {
            config: &self.config,
            headers: request.headers(),
            body_length: M::LOOKS.then(|| M::known_length(request.body())),
        };
        match self.config.sources.search(&head) {
            Search::Done(found) => {
                self.insert.insert(request.extensions_mut(), found);
                ResponseFuture::calling(self.inner.call(request.map(M::untouched)))
            }
            Search::Body(unfinished) => self.look(request, unfinished),
        }
    }
}

impl<S, M, I> ClickIdService<S, M, I> {
    /// Reads the body before the inner service is called, unless the app wants it left alone.
    fn look<B>(&mut self, request: Request<B>, unfinished: Unfinished) -> ResponseFuture<S, M, I, B>
    where
        S: Service<Request<M::Body>> + Clone,
        M: BodyMode<B>,
        I: Insert + Clone,
    {
        let (mut parts, body) = request.into_parts();
        let body = if self.config.body_when.is_none_or(|when| when(&parts)) {
            match M::read_ahead(body, self.config.sources.limit()) {
                Ok(reading) => {
                    // What was polled ready is given back: it may be one of few places (a buffer's, a limit's), and the
                    // body may take its time. The clone is polled ready again once it is there.
                    self.inner = self.inner.clone();
                    return ResponseFuture::looking(Looking {
                        service: self.inner.clone(),
                        config: self.config.clone(),
                        insert: self.insert.clone(),
                        parts,
                        reading,
                        unfinished,
                        deadline: None,
                        read: false,
                    });
                }
                Err(body) => body,
            }
        } else {
            M::untouched(body)
        };
        let head = RequestHead { config: &self.config, headers: &parts.headers, body_length: None };
        let found = self.config.sources.resume(unfinished, None, &head);
        self.insert.insert(&mut parts.extensions, found);
        ResponseFuture::calling(self.inner.call(Request::from_parts(parts, body)))
    }
}

impl<S: Clone, M, I: Clone> Clone for ClickIdService<S, M, I> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), config: self.config.clone(), insert: self.insert.clone(), mode: PhantomData }
    }
}

impl<S: fmt::Debug, M, I> fmt::Debug for ClickIdService<S, M, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickIdService").field("inner", &self.inner).field("config", &self.config).finish()
    }
}
