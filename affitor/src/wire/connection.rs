//! What carries the calls of a client.

use std::{
    any::Any,
    fmt,
    future::Future,
    sync::{Arc, atomic::AtomicBool},
};

use affitor_core::redact::Redacted;
use reqwest::Url;
use tracing::{Instrument as _, field::display};

use super::{
    call::{Call, Track},
    reader::Reader,
    transport::{Limits, Request, Response, Transport},
};
use crate::{
    error::{Error, ErrorKind},
    event::RetryClass,
    metrics,
    settings::Settings,
};

/// What carries the calls of a client, and the client's settings.
pub(crate) struct Connection {
    to: Peer,
    pub(crate) settings: Settings,
    /// Whether a transaction id that is taken was logged with its cause.
    pub(super) taken_id_was_explained: AtomicBool,
}

/// Who responds to calls.
enum Peer {
    /// Nobody: the client is disabled.
    Nobody,
    /// The service.
    Service { transport: Transport, api: Url },
    /// A recorder of tests.
    #[cfg_attr(not(feature = "test-util"), expect(dead_code, reason = "only tests have one"))]
    Recorder(Box<dyn Recorder>),
}

/// Responds to calls in place of the service.
pub(crate) trait Recorder: Send + Sync + 'static {
    /// Returns the JSON that the service would respond with. `None` if this is not an event.
    fn respond(&self, call: &dyn Any) -> Option<serde_json::Value>;
}

impl Connection {
    pub(crate) fn disabled() -> Self {
        Self::to(Peer::Nobody, Settings::default())
    }

    fn to(to: Peer, settings: Settings) -> Self {
        Self { to, settings, taken_id_was_explained: AtomicBool::new(false) }
    }

    /// Connects to the service at the base of its API.
    pub(crate) fn new(transport: Transport, api: Url, settings: Settings) -> Self {
        Self::to(Peer::Service { transport, api }, settings)
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn recorded(recorder: impl Recorder) -> Self {
        Self::to(Peer::Recorder(Box::new(recorder)), Settings::default())
    }

    /// Returns the same connection with other limits. `None` if calls don't reach the service.
    pub(crate) fn with_limits(&self, limits: Limits) -> Option<Self> {
        match &self.to {
            Peer::Service { transport, api } => {
                Some(Self::new(transport.with_limits(limits), api.clone(), self.settings.clone()))
            }
            Peer::Nobody | Peer::Recorder(_) => None,
        }
    }

    /// Returns whether events are dropped.
    pub(crate) fn drops_events(&self) -> bool {
        matches!(self.to, Peer::Nobody)
    }

    /// Returns the base of the API. `None` if calls don't reach the service.
    pub(crate) fn api(&self) -> Option<&Url> {
        match &self.to {
            Peer::Service { api, .. } => Some(api),
            Peer::Nobody | Peer::Recorder(_) => None,
        }
    }

    /// Checks an event, applies the settings to it, and sends it.
    pub(crate) async fn track<T: Track>(self: &Arc<Self>, mut event: T) -> Result<T::Outcome, Error> {
        let prepared = event.prepare(&self.settings);
        event.check()?;
        if self.drops_events() {
            return Ok(T::DISABLED);
        }
        match prepared {
            Ok(()) => self.call(event).await,
            Err(outcome) => Ok(outcome),
        }
    }

    /// Makes a call in a task of its own, so that it finishes even if nobody waits for it. That is also why its result is
    /// logged there.
    pub(crate) async fn call<C: Call>(self: &Arc<Self>, call: C) -> Result<C::Outcome, Error> {
        let retry_class = call.retry_class();
        let body = call.body()?;
        let this = Arc::clone(self);
        let span = tracing::debug_span!("affitor", call = C::NAME);
        let task = async move {
            let result = this.exchange(&call, body).await;
            metrics::call(C::NAME, result.is_ok());
            let subject = call.subject().map(|subject| display(Redacted(subject)));
            match &result {
                Ok(outcome) => tracing::debug!(subject, ?outcome, "{}: done", C::NAME),
                Err(error) => {
                    let may_have_arrived = error.may_have_arrived();
                    tracing::warn!(subject, %error, may_have_arrived, "{} failed", C::NAME);
                }
            }
            result
        };
        finish(retry_class, task.instrument(span)).await
    }

    /// Gets the response to a call, and reads it.
    async fn exchange<C: Call>(&self, call: &C, body: Vec<u8>) -> Result<C::Outcome, Error> {
        let retry_class = call.retry_class();
        match &self.to {
            Peer::Nobody => Err(Error::new(ErrorKind::Disabled)),
            Peer::Recorder(recorder) => {
                let response = recorder.respond(call).ok_or_else(|| Error::new(ErrorKind::Disabled))?;
                call.read(&Reader::new(&Response::of_recorder(&response), retry_class, ""))
            }
            Peer::Service { transport, api } => {
                let url = call.url(api, &self.settings)?;
                let request =
                    Request { method: C::METHOD, url: &url, body: body.into(), with_key: C::WITH_KEY, retry_class };
                let (response, credentials) = transport.send(&request).await?;
                call.read(&Reader::new(&response, retry_class, credentials.key.expose()))
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Connection");
        match &self.to {
            Peer::Nobody => shown.field("to", &"nobody"),
            Peer::Service { transport, api } => shown.field("transport", transport).field("api", &api.as_str()),
            Peer::Recorder(_) => shown.field("to", &"a recorder"),
        };
        shown.field("settings", &self.settings).finish()
    }
}

/// Runs a call to its end in a task of its own.
async fn finish<T: Send + 'static>(
    retry_class: RetryClass,
    call: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return Err(Error::new(ErrorKind::Transport).with_message("tracking needs a Tokio runtime"));
    };
    match runtime.spawn(call).await {
        Ok(result) => result,
        // The task does not panic, except in a runtime without a timer. A runtime that shuts down cancels it.
        Err(lost) => Err(Error::new(ErrorKind::Transport)
            .with_message("the task that made the call was cancelled")
            .with_fate(retry_class == RetryClass::Idempotent, true)
            .with_source(lost)),
    }
}
