//! A running sandbox, and the questions that a test asks it.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    ClickRecord, CommissionRecord, CustomerRecord, LeadRecord, PartnerState, RefundRecord, RequestRecord, SaleRecord,
    SandboxBuilder, Snapshot, TestEventRecord, clock::DAY_MS, routes, routes::Service, server,
};

/// The service, running on 127.0.0.1 until it is dropped.
///
/// ```
/// use affitor_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let sandbox = Sandbox::start().await?;
/// assert!(sandbox.url().starts_with("http://127.0.0.1:"));
/// assert!(sandbox.sales().await.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a sandbox stops when it is dropped"]
pub struct Sandbox {
    address: SocketAddr,
    url: String,
    program_id: u64,
    api_key: String,
    partner_code: String,
    service: Arc<Service>,
    server: JoinHandle<()>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
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
        api_key: String,
        partner_code: String,
    ) -> Self {
        let server = tokio::spawn(server::serve(listener, routes::router(service.clone())));
        Self { address, url: format!("http://{address}"), program_id, api_key, partner_code, service, server }
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
        &self.api_key
    }

    /// The code of the first partner's link, for `?aff=`.
    pub fn partner_code(&self) -> &str {
        &self.partner_code
    }

    /// The clicks that count, oldest first.
    pub async fn clicks(&self) -> Vec<ClickRecord> {
        self.service.state().clicks.clone()
    }

    /// The leads, oldest first.
    pub async fn leads(&self) -> Vec<LeadRecord> {
        self.service.state().leads.clone()
    }

    /// The sales, oldest first.
    pub async fn sales(&self) -> Vec<SaleRecord> {
        self.service.state().sales.clone()
    }

    /// The commissions, oldest first.
    pub async fn commissions(&self) -> Vec<CommissionRecord> {
        self.service.state().commissions.clone()
    }

    /// The refunds that took something back, oldest first.
    pub async fn refunds(&self) -> Vec<RefundRecord> {
        self.service.state().refunds.clone()
    }

    /// The customers.
    pub async fn customers(&self) -> Vec<CustomerRecord> {
        self.service.state().customer_records()
    }

    /// The events in test mode, oldest first.
    pub async fn test_events(&self) -> Vec<TestEventRecord> {
        self.service.state().test_events.clone()
    }

    /// The calls of the API with their answers, oldest first; of more than 10,000 the newest. (The tracker script and the
    /// browsers' questions whether they may call are not among them.)
    pub async fn requests(&self) -> Vec<RequestRecord> {
        self.service.state().requests.iter().cloned().collect()
    }

    /// All of the above but the requests, at one moment.
    pub async fn snapshot(&self) -> Snapshot {
        self.service.state().snapshot()
    }

    /// Changes how a partner stands to the program; `false` when there is no such partner.
    pub async fn set_partner_state(&self, code: &str, standing: PartnerState) -> bool {
        let mut state = self.service.state();
        let Some(partner) = state.partner(code) else { return false };
        state.partners[partner].state = standing;
        true
    }

    /// Moves its clock ahead, by a thousand years in all at most. It never goes back.
    pub fn advance(&self, by: Duration) {
        self.service.clock.advance(by);
    }

    /// Moves its clock ahead by so many days.
    pub fn advance_days(&self, days: u32) {
        self.advance(Duration::from_millis(u64::from(days) * DAY_MS.unsigned_abs()));
    }

    /// What its clock says, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.service.clock.now_ms()
    }
}
