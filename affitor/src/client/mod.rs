//! The client.

mod bound;
mod builder;
mod enqueue;
mod queries;
mod shutdown;
mod track;

use std::{
    fmt,
    sync::{Arc, Once},
    time::Duration,
};

use affitor_core::Visitor;

pub use self::{bound::BoundClient, builder::ClientBuilder};
use crate::{
    error::Error,
    queue::{Queue, QueueSettings},
    script_tag::ScriptTag,
    sink::EventSink,
    wire::{Connection, Limits},
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
    connection: Arc<Connection>,
    background: Background,
}

/// What becomes of the events that are enqueued.
enum Background {
    /// There are none: the client is disabled, or a worker's.
    Nothing,
    /// They are delivered from memory.
    Queue(Queue),
    /// Somebody else delivers them.
    Sink(Box<dyn EventSink>),
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
    /// Returns the same errors as [`ClientBuilder::build`], most notably if there is no API key. To run without one, use
    /// [`Client::from_env_or_disabled`].
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env().build()
    }

    /// Creates a client from the environment, as [`Client::from_env`] does, or a [disabled](Client::disabled) one if none of the
    /// variables is set: for developers without a program, and for tests. It logs a warning then.
    ///
    /// ```
    /// use affitor::Client;
    ///
    /// let client = Client::from_env_or_disabled()?;
    /// # Ok::<(), affitor::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`ClientBuilder::build`]. A URL or a program id without an API key is an error too, because
    /// somebody meant to set the key.
    pub fn from_env_or_disabled() -> Result<Self, Error> {
        let builder = ClientBuilder::from_env();
        if builder.is_unset() {
            tracing::warn!("AFFITOR_API_KEY is not set, so the client is disabled: nothing is sent to Affitor");
            return Ok(Self::disabled());
        }
        builder.build()
    }

    /// Creates a client that sends nothing, for environments without an API key. It still checks events; the outcome of a valid
    /// event is `Disabled`.
    pub fn disabled() -> Self {
        Self::without_queue(Connection::disabled())
    }

    /// A client that delivers nothing in the background.
    pub(crate) fn without_queue(connection: Connection) -> Self {
        Self { shared: Arc::new(Shared { connection: Arc::new(connection), background: Background::Nothing }) }
    }

    fn connected(connection: Connection, queue: QueueSettings) -> Self {
        let connection = Arc::new(connection);
        let background = Background::Queue(Queue::new(Arc::clone(&connection), queue));
        Self { shared: Arc::new(Shared { connection, background }) }
    }

    /// Returns this client with a sink for [`enqueue`](Client::enqueue), in place of its [queue](crate::queue): the enqueuer of an outbox,
    /// or your own.
    #[must_use]
    pub fn with_sink(&self, sink: impl EventSink) -> Self {
        let connection = Arc::clone(self.connection());
        Self { shared: Arc::new(Shared { connection, background: Background::Sink(Box::new(sink)) }) }
    }

    /// Returns a client for the worker of a queue. It has the same connection, key and settings, makes one attempt that takes at most
    /// `limit`, since the queue retries, and has no queue itself. `None` if this client does not reach the service: it is
    /// [disabled](Client::disabled), or its events are recorded in a test.
    pub fn for_worker(&self, limit: Duration) -> Option<Self> {
        let connection = self.connection().with_limits(Limits { call: limit, request: limit, attempts: 1 })?;
        Some(Self::without_queue(connection))
    }

    /// Returns whether the client has a [sink](Client::with_sink).
    pub fn has_sink(&self) -> bool {
        matches!(self.shared.background, Background::Sink(_))
    }

    fn connection(&self) -> &Arc<Connection> {
        &self.shared.connection
    }

    /// Returns whether this client sends nothing to the service: it is [disabled](Client::disabled), or its events are recorded in a
    /// test.
    pub fn is_disabled(&self) -> bool {
        self.connection().api().is_none()
    }

    /// Returns the program id, if it was set.
    pub fn program_id(&self) -> Option<&str> {
        self.connection().settings.program_id.as_deref()
    }

    /// Returns the tag that loads the browser tracker from this client's API, for this client's program. It is
    /// [empty](ScriptTag::is_empty) if the program id was not set, which is logged once, or if the client is disabled.
    ///
    /// ```
    /// use affitor::Client;
    ///
    /// # fn pages() -> Result<(), affitor::Error> {
    /// let client = Client::builder().api_key("test_key").api_url("http://127.0.0.1:4010").program_id(42).build()?;
    /// let tag = client.script_tag().nonce("r4nd0m").to_string();
    /// assert!(tag.starts_with(r#"<script src="http://127.0.0.1:4010/js/affitor-tracker.js""#));
    /// assert_eq!(Client::disabled().script_tag().to_string(), "");
    /// # Ok(()) }
    /// # pages().unwrap();
    /// ```
    pub fn script_tag(&self) -> ScriptTag {
        match (self.program_id(), self.connection().api()) {
            (Some(program_id), Some(api)) => ScriptTag::new(program_id).api_url(api),
            (None, Some(_)) => {
                static WARNED: Once = Once::new();
                WARNED.call_once(|| {
                    tracing::warn!(
                        "the tracker's script tag is empty, so no click is reported: set AFFITOR_PROGRAM_ID"
                    );
                });
                ScriptTag::empty()
            }
            (_, None) => ScriptTag::empty(),
        }
    }

    /// Returns a client for one visitor. It fills in the click id of events that have none.
    ///
    /// ```
    /// use affitor::{Client, ClickId, Sale, Currency};
    ///
    /// let affitor = Client::disabled().for_visitor(ClickId::new("cust_42_1714000000000")?);
    /// let sale = affitor.attribute(Sale::new("in_1", 4_900, Currency::USD));
    /// assert_eq!(sale.ids().click_id.unwrap(), &"cust_42_1714000000000");
    /// # Ok::<(), affitor::InvalidClickId>(())
    /// ```
    pub fn for_visitor(&self, visitor: impl Into<Visitor>) -> BoundClient {
        BoundClient::new(self.clone(), visitor.into())
    }
}

/// So that a function can take this client, a [`BoundClient`] and the extractors of the adapters.
impl AsRef<Client> for Client {
    fn as_ref(&self) -> &Client {
        self
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("connection", self.connection()).field("has_sink", &self.has_sink()).finish()
    }
}
