//! The client.

mod api_key;
mod bound;
mod builder;
mod endpoints;
mod error;
mod key_source;
pub mod program;
pub(crate) mod queries;

use std::{fmt, future::Future, sync::Arc};

use tracing::Instrument as _;

pub use bound::BoundClient;
pub use builder::ClientBuilder;
pub use error::Error;
pub(crate) use {
    api_key::ApiKey,
    endpoints::Endpoints,
    error::Kind as ErrorKind,
    key_source::{Credentials, Keys},
};

use crate::{
    delivery::{EventSink, Unqueued},
    event::RetryClass,
    redact::Redacted,
    script_tag::ScriptTag,
    visitor::Visitor,
    wire::{Call, Reader, Request, Track, Transport, metrics},
};

/// Reports events to Affitor. Cheap to clone; create one per app.
///
/// A call that was started finishes even if nobody waits for it: it runs in a task of its own, so nothing is lost if a visitor
/// disconnects and the framework drops the handler. Calls need a Tokio runtime with timer and network enabled.
///
/// ```no_run
/// use affitor::{Client, Lead};
///
/// # async fn run() -> Result<(), affitor::Error> {
/// let client = Client::new("aff_0123456789")?;
/// let outcome = client.track_lead(Lead::new("user_7").email("jo@example.com")).await?;
/// println!("{outcome}");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    /// One pointer, because a layer clones the client for each request.
    shared: Arc<Shared>,
}

struct Shared {
    core: Arc<Core>,
    /// Accepts the events that are enqueued.
    sink: Option<Arc<dyn EventSink>>,
    /// The sink, if it also records what is not enqueued.
    #[cfg(feature = "test-util")]
    recorder: Option<crate::test_util::RecordingSink>,
}

struct Core {
    /// `None` in a disabled client.
    connection: Option<Connection>,
    settings: Settings,
    unqueued: Unqueued,
}

struct Connection {
    transport: Transport,
    endpoints: Endpoints,
}

/// The settings of a client that affect what it sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) program_id: Option<String>,
    pub(crate) test_mode: bool,
    pub(crate) only_attributed: bool,
}

impl Client {
    /// Creates a client with the default settings of [`ClientBuilder`].
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`ClientBuilder::build`].
    pub fn new(api_key: impl Into<String>) -> Result<Self, Error> {
        Self::builder().api_key(api_key).build()
    }

    /// Returns a builder with the default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Creates a client from `AFFITOR_API_KEY`, `AFFITOR_API_URL` and `AFFITOR_PROGRAM_ID`. [`ClientBuilder::from_env`] lists
    /// all variables.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`ClientBuilder::build`], most notably if there is no API key. To run without one:
    ///
    /// ```
    /// use affitor::Client;
    ///
    /// let client = match std::env::var_os("AFFITOR_API_KEY") {
    ///     Some(_) => Client::from_env()?,
    ///     None => Client::disabled(),
    /// };
    /// # Ok::<(), affitor::Error>(())
    /// ```
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env().build()
    }

    /// Creates a client that sends nothing, for environments without an API key. It still checks events; the outcome of a valid
    /// event is `Disabled`.
    pub fn disabled() -> Self {
        Self::from_parts(None, Settings::default())
    }

    fn connected(transport: Transport, endpoints: Endpoints, settings: Settings) -> Self {
        Self::from_parts(Some(Connection { transport, endpoints }), settings)
    }

    fn from_parts(connection: Option<Connection>, settings: Settings) -> Self {
        let core = Arc::new(Core { connection, settings, unqueued: Unqueued::default() });
        Self {
            shared: Arc::new(Shared {
                core,
                sink: None,
                #[cfg(feature = "test-util")]
                recorder: None,
            }),
        }
    }

    /// Returns this client with a sink for [`enqueue`](Client::enqueue): a queue, the enqueuer of an outbox, or your own.
    #[must_use]
    pub fn with_sink(&self, sink: impl EventSink) -> Self {
        let core = Arc::clone(&self.shared.core);
        #[cfg(feature = "test-util")]
        let recorder = (&sink as &dyn std::any::Any).downcast_ref().cloned();
        Self {
            shared: Arc::new(Shared {
                core,
                sink: Some(Arc::new(sink)),
                #[cfg(feature = "test-util")]
                recorder,
            }),
        }
    }

    pub(crate) fn sink(&self) -> Option<&dyn EventSink> {
        self.shared.sink.as_deref()
    }

    pub(crate) fn unqueued(&self) -> &Unqueued {
        &self.shared.core.unqueued
    }

    /// Returns whether this client is [disabled](Client::disabled).
    pub fn is_disabled(&self) -> bool {
        self.shared.core.connection.is_none()
    }

    /// Returns whether events are dropped. (A sink of `test_util` records those of a disabled client.)
    pub(crate) fn drops_events(&self) -> bool {
        #[cfg(feature = "test-util")]
        if self.shared.recorder.is_some() {
            return false;
        }
        self.is_disabled()
    }

    /// Returns the program id, if it was set.
    pub fn program_id(&self) -> Option<&str> {
        self.shared.core.settings.program_id.as_deref()
    }

    /// Returns the tag that loads the browser tracker from this client's API, for this client's program. `None` if the program id
    /// was not set, or if the client is disabled.
    ///
    /// ```
    /// use affitor::Client;
    ///
    /// # fn pages() -> Result<(), affitor::Error> {
    /// let client = Client::builder().api_key("test_key").api_url("http://127.0.0.1:4010").program_id(42).build()?;
    /// let tag = client.script_tag().map(|tag| tag.nonce("r4nd0m").to_string()).unwrap_or_default();
    /// assert!(tag.starts_with(r#"<script src="http://127.0.0.1:4010/js/affitor-tracker.js""#));
    /// # Ok(()) }
    /// # pages().unwrap();
    /// ```
    pub fn script_tag(&self) -> Option<ScriptTag> {
        let connection = self.shared.core.connection.as_ref()?;
        Some(ScriptTag::new(self.program_id()?).api_url(&connection.endpoints.base))
    }

    /// Returns a client for one visitor. It fills in the click id of events that have none.
    ///
    /// ```
    /// use affitor::{Client, ClickId, Sale, Currency};
    ///
    /// let affitor = Client::disabled().for_visitor(ClickId::new("cust_42_1714000000000")?);
    /// let sale = affitor.attribute(Sale::new("in_1", 4_900, Currency::USD));
    /// assert_eq!(sale.click_id.unwrap(), "cust_42_1714000000000");
    /// # Ok::<(), affitor::InvalidClickId>(())
    /// ```
    pub fn for_visitor(&self, visitor: impl Into<Visitor>) -> BoundClient {
        BoundClient::new(self.clone(), visitor.into())
    }

    /// Checks an event, applies the client's settings to it, and sends it.
    pub(crate) async fn track<T: Track>(&self, mut event: T) -> Result<T::Outcome, Error> {
        let prepared = event.prepare(&self.shared.core.settings);
        event.check()?;
        #[cfg(feature = "test-util")]
        if let Some(recorder) = &self.shared.recorder {
            return Ok(prepared.map_or_else(|outcome| outcome, |()| event.record(recorder)));
        }
        if self.is_disabled() {
            return Ok(T::DISABLED);
        }
        match prepared {
            Ok(()) => self.call(event).await,
            Err(outcome) => Ok(outcome),
        }
    }

    /// Applies the client's settings to an event that another client will send. An error is the outcome of an event that this
    /// client would not send.
    pub(crate) fn prepare<T: Track>(&self, mut event: T) -> Result<T, T::Outcome> {
        event.prepare(&self.shared.core.settings).map(|()| event)
    }

    /// Makes a call in a task of its own, so that it finishes even if nobody waits for it. That is also why its result is
    /// logged there.
    async fn call<C: Call>(&self, call: C) -> Result<C::Outcome, Error> {
        let retry_class = call.retry_class();
        let body = call.body()?.into();
        let core = Arc::clone(&self.shared.core);
        let span = tracing::debug_span!("affitor", call = C::NAME);
        let task = async move {
            let Some(Connection { transport, endpoints }) = &core.connection else {
                return Err(Error::new(ErrorKind::Disabled));
            };
            let url = call.url(endpoints)?;
            let request = Request { method: C::METHOD, url, body, with_key: C::WITH_KEY, retry_class };
            let result = transport.send(&request).await.and_then(|(response, credentials)| {
                call.read(&Reader::new(&response, retry_class, credentials.key.expose()))
            });
            metrics::call(C::NAME, result.is_ok());
            let subject = call.subject().map(Redacted);
            match &result {
                Ok(outcome) => tracing::debug!(call = C::NAME, ?subject, ?outcome, "done"),
                Err(error) => {
                    let may_have_arrived = error.may_have_arrived();
                    tracing::warn!(call = C::NAME, ?subject, %error, may_have_arrived, "failed");
                }
            }
            result
        };
        finish(retry_class, task.instrument(span)).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("transport", &self.shared.core.connection.as_ref().map(|connection| &connection.transport))
            .field("settings", &self.shared.core.settings)
            .field("has_sink", &self.shared.sink.is_some())
            .finish()
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
