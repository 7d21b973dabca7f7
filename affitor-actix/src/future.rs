//! The future of a request.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_web::dev::{Service, ServiceRequest};
use affitor::{
    Client,
    find::adapter::{Deadline, Unfinished},
};
use pin_project_lite::pin_project;

use crate::{
    middleware::{Config, Headers, leave},
    payload::Replay,
};

pin_project! {
    /// The response of the inner service, once a body that is looked into has been read.
    pub struct ResponseFuture<S: Service<ServiceRequest>> {
        #[pin]
        state: State<S, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F> {
        Calling { #[pin] future: F },
        // Boxed, so that the requests whose bodies are not looked into don't carry the room for it.
        Looking { looking: Option<Box<Looking<S>>> },
    }
}

/// A request that waits for its body.
pub(crate) struct Looking<S> {
    pub(crate) service: Rc<S>,
    pub(crate) client: Client,
    pub(crate) config: Arc<Config>,
    pub(crate) request: ServiceRequest,
    pub(crate) payload: Replay,
    pub(crate) unfinished: Unfinished,
    /// Absent until the body lets itself be waited for.
    pub(crate) deadline: Option<Deadline>,
}

impl<S: Service<ServiceRequest>> ResponseFuture<S> {
    pub(crate) fn calling(future: S::Future) -> Self {
        Self { state: State::Calling { future } }
    }

    pub(crate) fn looking(looking: Looking<S>) -> Self {
        Self { state: State::Looking { looking: Some(Box::new(looking)) } }
    }
}

impl<S: Service<ServiceRequest>> Future for ResponseFuture<S> {
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
            }
            // The state changes right after, without yielding, so it is never found empty.
            let Some(looking) = looking.take() else { return Poll::Pending };
            let future = looking.call();
            state.set(State::Calling { future });
        }
    }
}

impl<S: Service<ServiceRequest>> Looking<S> {
    /// Reads on until the body is there, or has been waited for long enough.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.payload.poll_read(cx).is_ready() {
            return Poll::Ready(());
        }
        self.deadline.get_or_insert_with(|| Deadline::start(self.config.sources.timeout())).poll(cx)
    }

    /// Ends the search and calls the service.
    #[allow(clippy::boxed_local, reason = "taken out of its box field by field, and not moved as a whole first")]
    fn call(self: Box<Self>) -> S::Future {
        let Self { service, client, config, mut request, payload, unfinished, .. } = *self;
        let head = Headers { config: &config, head: request.head(), look: false };
        let found = config.sources.resume(unfinished, payload.whole(), &head);
        leave(&request, &client, found);
        request.set_payload(payload.into_payload());
        service.call(request)
    }
}

impl<S: Service<ServiceRequest>> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let looking = matches!(self.state, State::Looking { .. });
        f.debug_struct("ResponseFuture").field("looking", &looking).finish_non_exhaustive()
    }
}
