//! The future of a request whose body may be inspected.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_web::dev::{Service, ServiceRequest};
use affitor::{adapter::Deadline, find::BodySearch};
use pin_project_lite::pin_project;

use crate::{config::Config, replay::Replay};

pin_project! {
    /// The response of the inner service, which is called once the body has been read.
    pub struct ResponseFuture<S: Service<ServiceRequest>> {
        #[pin]
        state: State<S, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F> {
        Calling { #[pin] future: F },
        // Boxed, so that it takes no space in requests whose bodies are not inspected.
        Pending { pending: Option<Box<Pending<S>>> },
    }
}

/// A request that waits for its body.
pub(crate) struct Pending<S> {
    pub(crate) service: Rc<S>,
    pub(crate) config: Arc<Config>,
    pub(crate) request: ServiceRequest,
    pub(crate) payload: Replay,
    pub(crate) search: BodySearch,
    /// `None` until the body first returns `Pending`.
    pub(crate) deadline: Option<Deadline>,
}

impl<S: Service<ServiceRequest>> ResponseFuture<S> {
    pub(crate) fn calling(future: S::Future) -> Self {
        Self { state: State::Calling { future } }
    }

    pub(crate) fn pending(pending: Pending<S>) -> Self {
        Self { state: State::Pending { pending: Some(Box::new(pending)) } }
    }
}

impl<S: Service<ServiceRequest>> Future for ResponseFuture<S> {
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
            }
            // The state changes right after, without yielding, so it is never found empty.
            let Some(pending) = pending.take() else { return Poll::Pending };
            let future = pending.call();
            state.set(State::Calling { future });
        }
    }
}

impl<S: Service<ServiceRequest>> Pending<S> {
    /// Reads until the body has arrived, or the time limit has passed.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.payload.poll_read(cx).is_ready() {
            return Poll::Ready(());
        }
        let limit = self.config.sources.get_body_timeout();
        self.deadline.get_or_insert_with(|| Deadline::start(limit)).poll(cx)
    }

    /// Ends the search and calls the service.
    #[allow(clippy::boxed_local, reason = "taken out of its box field by field, and not moved as a whole first")]
    fn call(self: Box<Self>) -> S::Future {
        let Self { service, config, mut request, payload, search, .. } = *self;
        let found = search.finish(&config.sources, &config.head(&request), payload.complete());
        config.insert(&request, found);
        request.set_payload(payload.into_payload());
        service.call(request)
    }
}

impl<S: Service<ServiceRequest>> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads_body = matches!(self.state, State::Pending { .. });
        f.debug_struct("ResponseFuture").field("reads_body", &reads_body).finish_non_exhaustive()
    }
}
