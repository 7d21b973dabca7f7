//! The future of a request.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use affitor::find::adapter::{Deadline, Unfinished};
use http::{Request, request::Parts};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    BodyMode, Insert, ReadAhead,
    sources::{Config, RequestHead},
};

pin_project! {
    /// The response of the inner service, once a body that is looked into has been read.
    pub struct ResponseFuture<S, M, I, B>
    where
        M: BodyMode<B>,
        S: Service<Request<M::Body>>,
    {
        #[pin]
        state: State<S::Future, Looking<S, M::Reading, I>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, L> {
        Calling { #[pin] future: F },
        // Boxed, so that the requests whose bodies are not looked into don't carry the room for it.
        Looking { looking: Option<Box<L>> },
    }
}

/// A request that waits for its body.
pub(crate) struct Looking<S, R, I> {
    pub(crate) service: S,
    pub(crate) config: Arc<Config>,
    pub(crate) insert: I,
    pub(crate) parts: Parts,
    pub(crate) reading: R,
    pub(crate) unfinished: Unfinished,
    /// Absent until the body lets itself be waited for.
    pub(crate) deadline: Option<Deadline>,
    /// Whether the body has been read, as far as it will be.
    pub(crate) read: bool,
}

impl<S, M, I, B> ResponseFuture<S, M, I, B>
where
    M: BodyMode<B>,
    S: Service<Request<M::Body>>,
{
    pub(crate) fn calling(future: S::Future) -> Self {
        Self { state: State::Calling { future } }
    }

    pub(crate) fn looking(looking: Looking<S, M::Reading, I>) -> Self {
        Self { state: State::Looking { looking: Some(Box::new(looking)) } }
    }
}

impl<S, M, I, B> Future for ResponseFuture<S, M, I, B>
where
    M: BodyMode<B>,
    S: Service<Request<M::Body>>,
    I: Insert,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let looking = match state.as_mut().project() {
                StateProj::Calling { future } => return future.poll(cx),
                StateProj::Looking { looking } => looking,
            };
            if let Some(looking) = looking {
                ready!(looking.poll_read(cx));
                ready!(looking.service.poll_ready(cx))?;
            }
            // The state changes right after, without yielding, so it is never found empty.
            let Some(looking) = looking.take() else { return Poll::Pending };
            let future = looking.call::<M, B>();
            state.set(State::Calling { future });
        }
    }
}

impl<S, R: ReadAhead, I> Looking<S, R, I> {
    /// Reads on until the body is there, or has been waited for long enough.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.read {
            if self.reading.poll_read(cx).is_pending() {
                ready!(self.deadline.get_or_insert_with(|| Deadline::start(self.config.sources.timeout())).poll(cx));
            }
            // While the service gets ready, neither the body nor the timer may be asked again.
            self.read = true;
        }
        Poll::Ready(())
    }

    /// Ends the search and calls the service.
    #[allow(clippy::boxed_local, reason = "taken out of its box field by field, and not moved as a whole first")]
    fn call<M, B>(self: Box<Self>) -> S::Future
    where
        M: BodyMode<B, Reading = R>,
        S: Service<Request<M::Body>>,
        I: Insert,
    {
        let Self { mut service, config, insert, mut parts, reading, unfinished, .. } = *self;
        let head = RequestHead { config: &config, headers: &parts.headers, body_length: None };
        let found = config.sources.resume(unfinished, reading.whole(), &head);
        insert.insert(&mut parts.extensions, found);
        service.call(Request::from_parts(parts, M::resume(reading)))
    }
}

impl<S, M, I, B> fmt::Debug for ResponseFuture<S, M, I, B>
where
    M: BodyMode<B>,
    S: Service<Request<M::Body>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let looking = matches!(self.state, State::Looking { .. });
        f.debug_struct("ResponseFuture").field("looking", &looking).finish_non_exhaustive()
    }
}
