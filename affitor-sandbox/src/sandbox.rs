//! A running sandbox, and the questions that a test asks it.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    ChainRecord, ClickRecord, CommissionRecord, CustomerRecord, FaultRule, LeadRecord, PartnerState, RefundRecord,
    RequestRecord, SaleRecord, SandboxBuilder, Snapshot, TestEventRecord, change::Change, clock::DAY_MS,
    program::ApiKey, routes, server, service::Service,
};

/// The service, running on 127.0.0.1 until it is dropped.
///
/// ```
/// use affitor_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let sandbox = Sandbox::start().await?;
/// assert!(sandbox.url().starts_with("http://127.0.0.1:"));
/// assert!(sandbox.sales().is_empty());
/// # Ok(()) }
/// ```
#[must_use = "a sandbox stops when it is dropped"]
pub struct Sandbox {
    address: SocketAddr,
    url: String,
    program_id: u64,
    api_key: ApiKey,
    partner_code: String,
    service: Arc<Service>,
    server: JoinHandle<()>,
}

/// How long [`Sandbox::wait_for`] waits.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What was waited for did not come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TimedOut {
    /// What the sandbox held then.
    pub held: Box<Snapshot>,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot { clicks, leads, sales, refunds, .. } = &*self.held;
        let (clicks, leads, sales, refunds) = (clicks.len(), leads.len(), sales.len(), refunds.len());
        let waited = LONGEST_WAIT.as_secs();
        write!(
            f,
            "not within {waited} s: there are {clicks} clicks, {leads} leads, {sales} sales and {refunds} refunds"
        )
    }
}

impl std::error::Error for TimedOut {}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
        self.service.close();
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("url", &self.url)
            .field("program_id", &self.program_id)
            .field("partner_code", &self.partner_code)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts one with all defaults: a free port, program 42, key `test_key`, partner `PARTNER123`.
    ///
    /// # Errors
    ///
    /// When it can't listen.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Makes one step by step.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    pub(crate) fn serve(
        listener: TcpListener,
        address: SocketAddr,
        service: Arc<Service>,
        program_id: u64,
        api_key: ApiKey,
        partner_code: String,
    ) -> Self {
        let server = tokio::spawn(server::serve(listener, routes::router(service.clone())));
        Self { address, url: format!("http://{address}"), program_id, api_key, partner_code, service, server }
    }

    /// Stops it, and waits until its port is free again: for a test of an app that outlives a restart of the service.
    /// (Dropped, it stops as well, a moment later.)
    pub async fn stop(mut self) {
        self.service.close();
        self.server.abort();
        // It ends as aborted, which is no news.
        let _ = (&mut self.server).await;
    }

    /// Its base URL, for `AFFITOR_API_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The program's id.
    pub fn program_id(&self) -> u64 {
        self.program_id
    }

    /// The program's key, for `AFFITOR_API_KEY`.
    pub fn api_key(&self) -> &str {
        &self.api_key.0
    }

    /// The code of the first partner's link, for `?aff=`.
    pub fn partner_code(&self) -> &str {
        &self.partner_code
    }

    /// A small shop to click through, by the first partner's link: the page of the sandbox shows what it sees of it.
    pub fn shop_url(&self) -> String {
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("aff", &self.partner_code).finish();
        format!("{}/_sandbox/shop?{query}", self.url)
    }

    /// The clicks that count, oldest first.
    pub fn clicks(&self) -> Vec<ClickRecord> {
        self.service.lock().state.clicks.clone()
    }

    /// The leads, oldest first.
    pub fn leads(&self) -> Vec<LeadRecord> {
        self.service.lock().state.all_leads()
    }

    /// The sales, oldest first.
    pub fn sales(&self) -> Vec<SaleRecord> {
        self.service.lock().state.sales.clone()
    }

    /// The commissions, oldest first.
    pub fn commissions(&self) -> Vec<CommissionRecord> {
        self.service.lock().state.commissions.clone()
    }

    /// The refunds that took something back, oldest first.
    pub fn refunds(&self) -> Vec<RefundRecord> {
        self.service.lock().state.refunds.clone()
    }

    /// The customers.
    pub fn customers(&self) -> Vec<CustomerRecord> {
        self.service.lock().state.customer_records()
    }

    /// The events in test mode, oldest first.
    pub fn test_events(&self) -> Vec<TestEventRecord> {
        self.service.lock().state.test_events.clone()
    }

    /// The synthetic chains, oldest first.
    pub fn chains(&self) -> Vec<ChainRecord> {
        self.service.lock().state.chains.clone()
    }

    /// The requests and what became of them, oldest first; of more than the builder [says](SandboxBuilder::requests_kept)
    /// the newest. (Browsers' questions whether they may call are not among them, nor is the sandbox's own page.)
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.service.lock().log.kept().cloned().collect()
    }

    /// How many requests are not kept any more.
    pub fn requests_dropped(&self) -> u64 {
        self.service.lock().log.dropped()
    }

    /// Waits until what it holds satisfies a condition, for an app that tracks in the background: 10 seconds at most.
    ///
    /// ```no_run
    /// # async fn example(sandbox: affitor_sandbox::Sandbox) {
    /// let held = sandbox.wait_for(|held| held.leads.len() == 1).await.expect("a lead");
    /// assert_eq!(held.leads[0].customer_key.as_deref(), Some("user_7"));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What it held when the time was up.
    pub async fn wait_for(&self, condition: impl Fn(&Snapshot) -> bool) -> Result<Snapshot, TimedOut> {
        let until = tokio::time::Instant::now() + LONGEST_WAIT;
        let mut changes = self.service.subscribe();
        loop {
            changes.mark_unchanged();
            let held = self.snapshot();
            if condition(&held) {
                return Ok(held);
            }
            // The service, which tells of changes, lives as long as this sandbox.
            if !matches!(tokio::time::timeout_at(until, changes.changed()).await, Ok(Ok(()))) {
                return Err(TimedOut { held: Box::new(held) });
            }
        }
    }

    /// Adds a rule of what goes wrong from now on.
    pub fn inject(&self, rule: FaultRule) {
        self.service.lock().faults.add(rule);
        self.service.tell();
    }

    /// Drops all rules of what goes wrong.
    pub fn clear_faults(&self) {
        self.service.lock().faults.clear();
        self.service.tell();
    }

    /// The rules of what goes wrong that are in force, with what is left of their counts.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.service.lock().faults.rules().to_vec()
    }

    /// Forgets every event and request. All is as it was at the start, the clock too; but faults that are turned on stay.
    ///
    /// # Errors
    ///
    /// When its [data](SandboxBuilder::data) can't be written.
    pub fn reset(&self) -> io::Result<()> {
        self.service.reset()
    }

    /// All of the above but the requests, at one moment.
    pub fn snapshot(&self) -> Snapshot {
        self.service.lock().state.snapshot()
    }

    /// Changes how a partner stands to the program; `false` when there is no such partner.
    pub fn set_partner_state(&self, code: &str, standing: PartnerState) -> bool {
        if self.service.lock().state.partner(code).is_none() {
            return false;
        }
        self.change(Change::Partner { code: code.to_owned(), state: standing });
        true
    }

    /// Moves its clock ahead, by a thousand years in all at most. It never goes back.
    pub fn advance(&self, by: Duration) {
        let moved = self.service.change(|state| Change::Clock { ahead_ms: state.clock.ahead_after(by) });
        self.said(moved);
    }

    fn change(&self, change: Change) {
        self.said(self.service.change(|_| change));
    }

    /// Only a sandbox with [data](SandboxBuilder::data) can fail here, and only when it can't be written.
    fn said(&self, changed: io::Result<()>) {
        if let Err(error) = changed {
            tracing::error!(%error, "the journal can't be written: nothing has changed");
        }
    }

    /// Moves its clock ahead by so many days.
    pub fn advance_days(&self, days: u32) {
        self.advance(Duration::from_millis(u64::from(days) * DAY_MS.unsigned_abs()));
    }

    /// What its clock says, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.service.lock().state.clock.now_ms()
    }
}
