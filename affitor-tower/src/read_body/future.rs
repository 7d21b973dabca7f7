//! The future of a request whose body may be inspected.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use affitor_core::find::BodySearch;
use bytes::Bytes;
use http::{Request, request::Parts};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{ConvertBody, deadline::Deadline, reading::Reading};
use crate::config::Config;

pin_project! {
    /// The future of [`ReadBodyService`](crate::ReadBodyService): reads the body if the search needs it, then calls the
    /// inner service.
    pub struct ResponseFuture<S, T, B>
    where
        B: Body,
        T: ConvertBody<B>,
        S: Service<Request<T::Body>>,
    {
        #[pin]
        state: State<S::Future, Pending<S, B>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, P> {
        Calling { #[pin] future: F },
        // Boxed, so that it takes no space in requests whose bodies are not inspected.
        Pending { pending: Option<Box<P>> },
    }
}

/// A request that waits for its body.
pub(super) struct Pending<S, B: Body> {
    pub(super) service: S,
    pub(super) config: Arc<Config>,
    pub(super) parts: Parts,
    pub(super) reading: Reading<B>,
    pub(super) search: BodySearch,
    /// `None` until the body first returns `Pending`.
    pub(super) deadline: Option<Deadline>,
    /// Whether reading has ended, for whatever reason.
    pub(super) has_read: bool,
}

impl<S, T, B> ResponseFuture<S, T, B>
where
    B: Body,
    T: ConvertBody<B>,
    S: Service<Request<T::Body>>,
{
    pub(super) fn calling(future: S::Future) -> Self {
        Self { state: State::Calling { future } }
    }

    pub(super) fn pending(pending: Pending<S, B>) -> Self {
        Self { state: State::Pending { pending: Some(Box::new(pending)) } }
    }
}

impl<S, T, B> Future for ResponseFuture<S, T, B>
where
    B: Body<Data = Bytes> + Unpin,
    T: ConvertBody<B>,
    S: Service<Request<T::Body>>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let pending = match state.as_mut().project() {
                StateProj::Calling { future } => return future.poll(cx),
                StateProj::Pending { pending } => pending,
            };
            if let Some(pending) = pending {
                ready!(pending.poll_read(cx));
                ready!(pending.service.poll_ready(cx))?;
            }
            // The state changes right after, without yielding, so it is never found empty.
            let Some(pending) = pending.take() else { return Poll::Pending };
            let future = pending.call::<T>();
            state.set(State::Calling { future });
        }
    }
}

impl<S, B: Body<Data = Bytes> + Unpin> Pending<S, B> {
    /// Reads until the body has arrived, or the time limit has passed.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.has_read {
            if self.reading.poll_read(cx).is_pending() {
                let limit = self.config.sources.get_body_timeout();
                ready!(self.deadline.get_or_insert_with(|| Deadline::start(limit)).poll(cx));
            }
            // While the service gets ready, neither the body nor the timer may be polled again.
            self.has_read = true;
        }
        Poll::Ready(())
    }

    /// Ends the search and calls the service.
    #[allow(clippy::boxed_local, reason = "taken out of its box field by field, and not moved as a whole first")]
    fn call<T>(self: Box<Self>) -> S::Future
    where
        T: ConvertBody<B>,
        S: Service<Request<T::Body>>,
    {
        let Self { mut service, config, mut parts, reading, search, .. } = *self;
        let found = search.finish(&config.sources, &config.head(&parts.headers), reading.complete());
        config.insert(&mut parts.extensions, found);
        service.call(Request::from_parts(parts, T::replay(reading.into_replay())))
    }
}

impl<S, T, B> fmt::Debug for ResponseFuture<S, T, B>
where
    B: Body,
    T: ConvertBody<B>,
    S: Service<Request<T::Body>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads_body = matches!(self.state, State::Pending { .. });
        f.debug_struct("ResponseFuture").field("reads_body", &reads_body).finish_non_exhaustive()
    }
}
