//! What the sandbox receives from the app.

use std::{sync::Arc, time::Duration};

use affitor_sandbox::{ApiCall, RequestRecord, Sandbox};
use tokio::time::{Instant, timeout_at};

/// The requests that the sandbox has received since some moment.
pub(super) struct Watch {
    sandbox: Arc<Sandbox>,
    after: u64,
}

impl Watch {
    /// Starts now.
    pub(super) fn begin(sandbox: &Arc<Sandbox>) -> Self {
        let after = sandbox.requests().last().map_or(0, |request| request.number);
        Self { sandbox: sandbox.clone(), after }
    }

    /// Returns the calls of one kind, oldest first.
    pub(super) fn calls(&self, call: ApiCall) -> Vec<RequestRecord> {
        let requests = self.sandbox.requests().into_iter();
        requests.filter(|request| request.number > self.after && request.call == Some(call)).collect()
    }

    /// Waits until the calls of one kind satisfy a condition, and returns them in any case.
    pub(super) async fn until(
        &self,
        limit: Duration,
        call: ApiCall,
        condition: impl Fn(&[RequestRecord]) -> bool,
    ) -> Vec<RequestRecord> {
        let until = Instant::now() + limit;
        loop {
            let last = self.sandbox.requests().last().map_or(0, |request| request.number);
            let calls = self.calls(call);
            let changed = self.sandbox.wait_for_requests_after(last);
            if condition(&calls) || timeout_at(until, changed).await.is_err() {
                return calls;
            }
        }
    }
}

/// Whether the event was recorded, or was already.
pub(super) fn is_settled(request: &RequestRecord) -> bool {
    request.changed || request.status == Some(409)
}

/// Whether more than one of the calls recorded something.
pub(super) fn is_double(calls: &[RequestRecord]) -> bool {
    calls.iter().filter(|call| call.changed).count() > 1
}
