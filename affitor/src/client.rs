//! The client: one method for each call.

use std::{fmt, future::Future, sync::Arc};

use bytes::Bytes;
use reqwest::{Method, Url};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::Instrument as _;

use crate::{
    BoundClient, Click, ClickOutcome, ClientBuilder, Deliver, Error, Lead, LeadOutcome, NotAttributed, ProgramStatus,
    Readiness, Refund, RefundOutcome, Sale, SaleOutcome, TestChain, Visitor,
    answer::{self, Answer},
    error::Kind,
    find::HISTORY_LEN,
    measure,
    redact::Redacted,
    retry::{CallKind, Ending, may_repeat},
    transport::{Request, Transport},
};

/// Reports events to Affitor. Cheap to clone; make one per app.
///
/// An event that was begun is finished, as long as the runtime runs: each call is a task of its own, so that a visitor who
/// goes away, whose handler the framework then drops, loses nothing. Calls need a Tokio runtime with its timer and network enabled.
///
/// ```no_run
/// use affitor::{Client, Lead};
///
/// # async fn run() -> Result<(), affitor::Error> {
/// let client = Client::new("aff_0123456789")?;
/// let outcome = client.track_lead(Lead::new("user_7").email("jo@example.com")).await?;
/// println!("{outcome:?}");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    /// What takes the events that are enqueued.
    deliverer: Option<Arc<dyn Deliver>>,
}

struct Core {
    /// Absent in a disabled client.
    connection: Option<Connection>,
    program_id: Option<String>,
    test_mode: bool,
    only_attributed: bool,
    #[cfg(feature = "webhooks")]
    recent_payments: Arc<crate::webhook::recent::RecentPayments>,
}

struct Connection {
    transport: Transport,
    endpoints: Endpoints,
}

/// The URLs of the calls, put together once.
pub(crate) struct Endpoints {
    click: Url,
    lead: Url,
    sale: Url,
    refund: Url,
    test_event: Url,
    readiness: Url,
    readiness_forced: Url,
    status: Option<Url>,
}

impl Endpoints {
    pub(crate) fn new(base: &Url, program_id: Option<&str>) -> Result<Self, Error> {
        let at = |path: &str| base.join(path).map_err(|source| Error::invalid("the API URL").with_source(source));
        let readiness = at("api/v1/programs/me/readiness")?;
        let mut readiness_forced = readiness.clone();
        readiness_forced.query_pairs_mut().append_pair("force_recheck", "true");
        let status = match program_id {
            Some(id) => {
                let mut url = at("api/v1/cli/status")?;
                url.query_pairs_mut().append_pair("program_id", id);
                Some(url)
            }
            None => None,
        };
        Ok(Self {
            click: at("api/v1/track/click")?,
            lead: at("api/v1/track/lead")?,
            sale: at("api/v1/track/sale")?,
            refund: at("api/v1/track/refund")?,
            test_event: at("api/v1/cli/test-event")?,
            readiness,
            readiness_forced,
            status,
        })
    }
}

impl Client {
    /// A client with the defaults of [`ClientBuilder`].
    ///
    /// # Errors
    ///
    /// As those of [`ClientBuilder::build`].
    pub fn new(api_key: impl Into<String>) -> Result<Self, Error> {
        Self::builder().api_key(api_key).build()
    }

    /// Makes a client step by step.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client from `AFFITOR_API_KEY`, `AFFITOR_API_URL` and `AFFITOR_PROGRAM_ID` (see [`ClientBuilder::from_env`]).
    ///
    /// # Errors
    ///
    /// As those of [`ClientBuilder::build`]: without a key above all. Where there is none on purpose:
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

    /// A client that sends nothing, for environments without a key. Events are checked as always; those that are right
    /// have the outcome `Disabled`.
    pub fn disabled() -> Self {
        Self::made(None, None, false, false)
    }

    pub(crate) fn connected(
        transport: Transport,
        endpoints: Endpoints,
        program_id: Option<String>,
        test_mode: bool,
        only_attributed: bool,
    ) -> Self {
        Self::made(Some(Connection { transport, endpoints }), program_id, test_mode, only_attributed)
    }

    fn made(
        connection: Option<Connection>,
        program_id: Option<String>,
        test_mode: bool,
        only_attributed: bool,
    ) -> Self {
        let core = Core {
            connection,
            program_id,
            test_mode,
            only_attributed,
            #[cfg(feature = "webhooks")]
            recent_payments: Arc::default(),
        };
        Self { inner: Arc::new(Inner { core: Arc::new(core), deliverer: None }) }
    }

    /// The same client with something that takes the events that are enqueued: a memory queue, an outbox.
    #[must_use]
    pub fn deliver_with(&self, deliverer: impl Deliver) -> Self {
        let deliverer: Option<Arc<dyn Deliver>> = Some(Arc::new(deliverer));
        Self { inner: Arc::new(Inner { core: Arc::clone(&self.inner.core), deliverer }) }
    }

    pub(crate) fn deliverer(&self) -> Option<&dyn Deliver> {
        self.inner.deliverer.as_deref()
    }

    #[cfg(feature = "webhooks")]
    pub(crate) fn recent_payments(&self) -> &Arc<crate::webhook::recent::RecentPayments> {
        &self.inner.core.recent_payments
    }

    /// Whether it is a [disabled](Client::disabled) client.
    pub fn is_disabled(&self) -> bool {
        self.inner.core.connection.is_none()
    }

    pub(crate) fn is_test(&self) -> bool {
        self.inner.core.test_mode
    }

    pub(crate) fn is_only_attributed(&self) -> bool {
        self.inner.core.only_attributed
    }

    /// The program's id, where it was given.
    pub fn program_id(&self) -> Option<&str> {
        self.inner.core.program_id.as_deref()
    }

    /// The same client for one visitor: fills in the click id where an event has none.
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

    /// Reports a visitor who landed with a partner's link (`POST /api/v1/track/click`). Sent without the key. Never
    /// repeated once it may have arrived, since each answer has a fresh id.
    ///
    /// # Errors
    ///
    /// Without a landing URL; when the service rejects the link (unknown partner, no `aff` in it); and when there is no
    /// answer.
    pub async fn track_click(&self, mut click: Click) -> Result<ClickOutcome, Error> {
        if self.inner.core.test_mode {
            click = click.test_mode(true);
        }
        click.validate()?;
        if self.is_disabled() {
            return Ok(ClickOutcome::Disabled);
        }
        if click.is_test() {
            self.name_program(&mut click.additional_data);
        }
        let body = json(&click)?;
        self.post("track_click", String::new(), CallKind::Click, |to| &to.click, Some(body), answer::click).await
    }

    /// Reports a sign-up (`POST /api/v1/track/lead`).
    ///
    /// # Errors
    ///
    /// When the lead has neither a customer key nor a click id; when the service rejects it or the key; and when there
    /// is no answer. An unknown customer is no error: see [`LeadOutcome::NotAttributed`].
    pub async fn track_lead(&self, mut lead: Lead) -> Result<LeadOutcome, Error> {
        if self.inner.core.test_mode {
            lead = lead.test_mode(true);
        }
        lead.validate()?;
        if self.is_disabled() {
            return Ok(LeadOutcome::Disabled);
        }
        if lead.is_test() {
            self.name_program(&mut lead.additional_data);
        } else if self.inner.core.only_attributed && lead.click_id.is_none() {
            return Ok(LeadOutcome::NotAttributed(NotAttributed::NotSent));
        }
        let surplus = lead.click_ids.len().saturating_sub(HISTORY_LEN);
        lead.click_ids.drain(..surplus);
        let body = json(&lead)?;
        let about = format!("{:?}", lead.customer_key.as_deref().map(Redacted));
        self.post("track_lead", about, CallKind::Lead, |to| &to.lead, Some(body), answer::lead).await
    }

    /// Reports a payment (`POST /api/v1/track/sale`). The transaction id makes it safe to report twice.
    ///
    /// # Errors
    ///
    /// When the sale has no transaction id, no amount or no customer; when the service rejects it or the key; and when
    /// there is no answer. A known transaction and an unknown customer are no errors: see [`SaleOutcome`].
    pub async fn track_sale(&self, mut sale: Sale) -> Result<SaleOutcome, Error> {
        if self.inner.core.test_mode {
            sale = sale.test_mode(true);
        }
        sale.validate()?;
        if self.is_disabled() {
            return Ok(SaleOutcome::Disabled);
        }
        if sale.is_test() {
            self.name_program(&mut sale.additional_data);
        }
        let body = json(&sale)?;
        let about = format!("{:?}", Redacted(&sale.transaction_id));
        self.post("track_sale", about, CallKind::Sale, |to| &to.sale, Some(body), answer::sale).await
    }

    /// Reports money given back (`POST /api/v1/track/refund`). A partial refund is repeated only after a clear refusal:
    /// whether the service tells two equal ones apart is not documented. A client in test mode sends none.
    ///
    /// # Errors
    ///
    /// When the refund has no transaction id or the amount 0; when the service rejects it or the key; and when there is
    /// no answer ([`Error::may_have_arrived`] says whether it may be done all the same). An unknown sale is no error:
    /// see [`RefundOutcome::NotAttributed`].
    pub async fn track_refund(&self, refund: Refund) -> Result<RefundOutcome, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            transaction_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            refund_amount_cents: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            refund_reason: Option<&'a str>,
        }

        refund.validate()?;
        if self.is_disabled() {
            return Ok(RefundOutcome::Disabled);
        }
        if self.inner.core.test_mode {
            return Ok(RefundOutcome::Test);
        }
        let full = refund.is_full();
        let kind = if full { CallKind::FullRefund } else { CallKind::PartialRefund };
        let body = json(&Body {
            transaction_id: &refund.transaction_id,
            refund_amount_cents: refund.refund_amount_cents,
            refund_reason: refund.refund_reason.as_deref(),
        })?;
        let read = move |answer: &Answer, key: Option<&str>| answer::refund(answer, full, key);
        let about = format!("{:?}", Redacted(&refund.transaction_id));
        self.post("track_refund", about, kind, |to| &to.refund, Some(body), read).await
    }

    /// Asks whether the integration is ready (`GET /api/v1/programs/me/readiness`).
    ///
    /// # Errors
    ///
    /// When the key is rejected, when there is no answer, and on a [disabled](Client::disabled) client.
    pub async fn readiness(&self) -> Result<Readiness, Error> {
        self.get("readiness", |to| Some(&to.readiness)).await
    }

    /// Asks the same past the service's cache, which it allows once a minute.
    ///
    /// # Errors
    ///
    /// As those of [`Client::readiness`].
    pub async fn recheck_readiness(&self) -> Result<Readiness, Error> {
        self.get("recheck_readiness", |to| Some(&to.readiness_forced)).await
    }

    /// Asks for the program's health and its counts of the last 24 hours (`GET /api/v1/cli/status`).
    ///
    /// # Errors
    ///
    /// Without a program id; when the key is rejected, when there is no answer, and on a [disabled](Client::disabled)
    /// client.
    pub async fn status(&self) -> Result<ProgramStatus, Error> {
        self.get("status", |to| to.status.as_ref()).await
    }

    /// Has the service run a synthetic click, lead and sale (`POST /api/v1/cli/test-event`): at most 10 an hour.
    ///
    /// # Errors
    ///
    /// When the hour's chains are used up ([`Error::is_rate_limited`], with [`Error::retry_after`]); when the key is
    /// rejected, when there is no answer, and on a [disabled](Client::disabled) client.
    pub async fn run_test_chain(&self) -> Result<TestChain, Error> {
        let kind = CallKind::TestChain;
        let body = Bytes::from_static(br#"{"type":"chain"}"#);
        let read = move |answer: &Answer, key: Option<&str>| answer::question(answer, kind, key);
        self.post("run_test_chain", String::new(), kind, |to| &to.test_event, Some(body), read).await
    }

    async fn get<T>(&self, call: &'static str, url: impl Fn(&Endpoints) -> Option<&Url>) -> Result<T, Error>
    where
        T: serde::de::DeserializeOwned + fmt::Debug + Send + 'static,
    {
        let url = url(&self.connection()?.endpoints)
            .ok_or_else(|| Error::invalid("no program id: set it on the builder or as AFFITOR_PROGRAM_ID"))?
            .clone();
        let kind = CallKind::Read;
        let about = String::new();
        let request = Request { call, about, kind, method: Method::GET, url, body: None, with_key: true };
        self.call(request, move |answer, key| answer::question(answer, kind, key)).await
    }

    async fn post<T: fmt::Debug + Send + 'static>(
        &self,
        call: &'static str,
        about: String,
        kind: CallKind,
        url: impl Fn(&Endpoints) -> &Url,
        body: Option<Bytes>,
        read: impl FnOnce(&Answer, Option<&str>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let url = url(&self.connection()?.endpoints).clone();
        // A click needs no key, and so gets none.
        let with_key = kind != CallKind::Click;
        self.call(Request { call, about, kind, method: Method::POST, url, body, with_key }, read).await
    }

    /// Makes the call in a task of its own, so that it is finished even when nobody waits for it any more; therefore
    /// its end is logged here.
    async fn call<T: fmt::Debug + Send + 'static>(
        &self,
        request: Request,
        read: impl FnOnce(&Answer, Option<&str>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let client = self.clone();
        let kind = request.kind;
        let span = tracing::debug_span!("affitor", call = request.call);
        let call = async move {
            let transport = &client.connection()?.transport;
            let result = transport.call(&request).await.and_then(|answer| read(&answer, Some(transport.key())));
            let Request { call, about, .. } = &request;
            measure::call(call, result.is_ok());
            match &result {
                Ok(outcome) => tracing::debug!(call, about, ?outcome, "done"),
                Err(error) => {
                    tracing::warn!(call, about, %error, may_have_arrived = error.may_have_arrived(), "failed");
                }
            }
            result
        };
        finish(kind, call.instrument(span)).await
    }

    fn connection(&self) -> Result<&Connection, Error> {
        self.inner.core.connection.as_ref().ok_or_else(|| Error::new(Kind::Disabled))
    }

    /// A test event says of which program it is, where that is known.
    fn name_program(&self, additional_data: &mut Map<String, Value>) {
        if let (Some(id), false) = (self.program_id(), additional_data.contains_key("program_id")) {
            additional_data.insert("program_id".to_owned(), Value::String(id.to_owned()));
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("transport", &self.inner.core.connection.as_ref().map(|connection| &connection.transport))
            .field("program_id", &self.inner.core.program_id)
            .field("test_mode", &self.inner.core.test_mode)
            .field("only_attributed", &self.inner.core.only_attributed)
            .field("delivers", &self.inner.deliverer.is_some())
            .finish()
    }
}

fn json(event: &impl Serialize) -> Result<Bytes, Error> {
    match serde_json::to_vec(event) {
        Ok(body) => Ok(body.into()),
        Err(source) => Err(Error::invalid("the event can't be written as JSON").with_source(source)),
    }
}

/// Runs a future to its end in a task of its own.
async fn finish<T: Send + 'static>(
    kind: CallKind,
    call: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return Err(Error::new(Kind::Transport).with_message("tracking needs a Tokio runtime"));
    };
    match runtime.spawn(call).await {
        Ok(result) => result,
        // Nothing in the task panics on its own; a runtime without a timer would, and one that ends cancels it.
        Err(lost) => Err(Error::new(Kind::Transport)
            .with_message("the task that made the call was ended")
            .with_fate(may_repeat(kind, Ending::Lost), true)
            .with_source(lost)),
    }
}
