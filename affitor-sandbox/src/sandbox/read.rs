//! What the sandbox has recorded, and waiting for it.

use std::{fmt, time::Duration};

use super::Sandbox;
use crate::{
    memory::MemoryUse,
    record::{
        ChainRecord, ClickRecord, CommissionRecord, CustomerRecord, DoublePayment, LeadRecord, RefundRecord,
        SaleRecord, Snapshot, TestEventRecord,
    },
    request_log::RequestRecord,
};

/// Time limit of [`Sandbox::wait_for`].
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// The error returned by [`Sandbox::wait_for`] when the condition was not met in time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TimedOut {
    /// State of the sandbox when the time was up.
    pub snapshot: Box<Snapshot>,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot { clicks, leads, sales, refunds, .. } = &*self.snapshot;
        let (clicks, leads, sales, refunds) = (clicks.len(), leads.len(), sales.len(), refunds.len());
        let limit = WAIT_LIMIT.as_secs();
        write!(
            f,
            "condition not met within {limit} s: {clicks} clicks, {leads} leads, {sales} sales and {refunds} refunds \
             recorded"
        )
    }
}

impl std::error::Error for TimedOut {}

impl Sandbox {
    /// Returns the recorded clicks, oldest first.
    pub fn clicks(&self) -> Vec<ClickRecord> {
        self.service.lock().state.clicks()
    }

    /// Returns the leads, including provisional ones, oldest first.
    pub fn leads(&self) -> Vec<LeadRecord> {
        self.service.lock().state.all_leads()
    }

    /// Returns the sales, oldest first.
    pub fn sales(&self) -> Vec<SaleRecord> {
        self.service.lock().state.sales.clone()
    }

    /// Returns the commissions, oldest first.
    pub fn commissions(&self) -> Vec<CommissionRecord> {
        self.service.lock().state.commissions.clone()
    }

    /// Returns the refunds that reduced a commission, oldest first.
    pub fn refunds(&self) -> Vec<RefundRecord> {
        self.service.lock().state.refunds.clone()
    }

    /// Returns the customers, oldest first.
    pub fn customers(&self) -> Vec<CustomerRecord> {
        self.service.lock().state.customer_records()
    }

    /// Returns the payments that were recorded twice: by the app, and from the webhooks of the connected Stripe account.
    /// Partners are paid twice for them.
    pub fn double_payments(&self) -> Vec<DoublePayment> {
        self.service.lock().state.double_payments()
    }

    /// Returns how much memory the records use, and what was dropped to stay within
    /// [the limit](crate::SandboxBuilder::memory_limit).
    pub fn memory(&self) -> MemoryUse {
        self.service.lock().state.memory()
    }

    /// Returns the test-mode events, oldest first.
    pub fn test_events(&self) -> Vec<TestEventRecord> {
        self.service.lock().state.test_events.iter().cloned().collect()
    }

    /// Returns the synthetic chains, oldest first.
    pub fn chains(&self) -> Vec<ChainRecord> {
        self.service.lock().state.chains.iter().copied().collect()
    }

    /// Returns the requests and their results, oldest first. Only the newest are kept; see
    /// [`SandboxBuilder::requests_kept`](crate::SandboxBuilder::requests_kept). Preflight requests and requests for the sandbox's own page are not included.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.service.lock().log.kept().cloned().collect()
    }

    /// Returns how many old requests have been dropped.
    pub fn requests_dropped(&self) -> u64 {
        self.service.lock().log.dropped()
    }

    /// Waits until there are requests with a number higher than this, and returns them, oldest first. 0 waits for the first
    /// request.
    pub async fn wait_for_requests_after(&self, number: u64) -> Vec<RequestRecord> {
        let mut changes = self.service.subscribe();
        loop {
            changes.mark_unchanged();
            let newer: Vec<_> = self.service.lock().log.after(number).cloned().collect();
            // The sender lives as long as this sandbox, so waiting can't fail.
            if !newer.is_empty() || changes.changed().await.is_err() {
                return newer;
            }
        }
    }

    /// Waits until the state satisfies a condition, up to 10 seconds. Use it if the app tracks in the background.
    ///
    /// ```no_run
    /// # async fn example(sandbox: affitor_sandbox::Sandbox) {
    /// let snapshot = sandbox.wait_for(|snapshot| snapshot.leads.len() == 1).await.expect("a lead");
    /// assert_eq!(snapshot.leads[0].customer_key.as_deref(), Some("user_7"));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with the last snapshot if the condition is not met within 10 seconds.
    pub async fn wait_for(&self, condition: impl Fn(&Snapshot) -> bool) -> Result<Snapshot, TimedOut> {
        let until = tokio::time::Instant::now() + WAIT_LIMIT;
        let mut changes = self.service.subscribe();
        loop {
            changes.mark_unchanged();
            let snapshot = self.snapshot();
            if condition(&snapshot) {
                return Ok(snapshot);
            }
            // The sender lives as long as this sandbox, so only the timeout can fail.
            if !matches!(tokio::time::timeout_at(until, changes.changed()).await, Ok(Ok(()))) {
                return Err(TimedOut { snapshot: Box::new(snapshot) });
            }
        }
    }

    /// Returns all recorded events, commissions and customers at one moment.
    pub fn snapshot(&self) -> Snapshot {
        self.service.lock().state.snapshot()
    }
}
