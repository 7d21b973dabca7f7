//! The log of requests and their results.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{call::ApiCall, fault::Fault, money::money};

/// A request and its result.
///
/// A test can use it to find requests that got no response, and events that were recorded although the client got an
/// error. A retry may duplicate those.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// Sequence number, from 1.
    pub number: u64,
    /// The call; `None` if the path is not one of the service's calls.
    pub call: Option<ApiCall>,
    /// HTTP method.
    pub method: String,
    /// Path without the query, cut to 256 characters.
    pub path: String,
    /// Status of the response; `None` if a fault prevented the response.
    pub status: Option<u16>,
    /// Why the request was refused or nothing was recorded: the response's message.
    pub error: Option<String>,
    /// What the developer should know about the response, as in its header `x-affitor-sandbox-hint`.
    pub hint: Option<String>,
    /// Whether an event was recorded.
    pub changed: bool,
    /// Whether the request had the API key of a program.
    pub has_key: bool,
    /// The `User-Agent` header, cut to 256 characters.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// The injected fault.
    pub fault: Option<Fault>,
    /// `transaction_id` of a sale or refund, as sent.
    pub transaction_id: Option<String>,
    /// `customer_key`, as sent.
    pub customer_key: Option<String>,
    /// `click_id`, as sent. For a new click, its new id.
    pub click_id: Option<String>,
    /// Type of the recorded event: `click`, `lead`, `sale` or `refund`.
    pub event: Option<String>,
    /// Code of the partner whose click, lead, sale or refund was recorded.
    pub partner_code: Option<String>,
    /// Amount of a recorded sale, or of a refund that is not full, in the currency's smallest unit.
    pub amount_cents: Option<u64>,
    /// ISO 4217 code of the currency of a recorded sale or refund.
    pub currency: Option<String>,
    /// Time of the request, in milliseconds since 1970.
    pub at_ms: i64,
}

impl RequestRecord {
    /// Returns true if the client was told that the event is recorded: a complete 200 response that does not report a
    /// failure. The sandbox does not know whether the client waited for a delayed response.
    pub fn is_confirmed(&self) -> bool {
        self.status == Some(200) && self.error.is_none() && self.fault != Some(Fault::TruncatedResponse)
    }

    /// Returns the amount of a recorded sale or partial refund with its currency, such as `49.00 USD`.
    pub fn amount(&self) -> Option<String> {
        Some(money(self.amount_cents?, self.currency.as_deref()?))
    }

    /// Returns true for the lead of a visitor whom no partner brought, which the service refuses. That is the normal case.
    pub fn is_without_partner(&self) -> bool {
        self.call == Some(ApiCall::Lead)
            && self.status == Some(400)
            && self.click_id.is_none()
            && self.customer_key.is_some()
            && self.error.as_deref() == Some(UNKNOWN_CUSTOMER)
    }

    /// Returns true if the request was refused, or met a fault other than a delay.
    pub(crate) fn failed(&self) -> bool {
        self.fault.is_some_and(|fault| !matches!(fault, Fault::Latency(_)))
            || self.status.is_none_or(|status| status >= 400 && status != 409) && !self.is_without_partner()
    }

    /// Returns true if nothing was recorded, which is normal: a duplicate, an expired window, an ignored webhook, or no partner.
    pub(crate) fn is_without_effect(&self) -> bool {
        !self.failed() && self.error.is_some()
    }
}

/// What the service says of a lead whose customer it does not know.
pub(crate) const UNKNOWN_CUSTOMER: &str = "Customer not found. Provide a valid click_id or customer_key.";

/// The newest requests, up to a limit.
#[derive(Debug)]
pub(crate) struct RequestLog {
    kept: VecDeque<RequestRecord>,
    limit: usize,
    /// Number of the last request.
    last: u64,
    dropped: u64,
}

/// Default limit.
pub(crate) const DEFAULT_LIMIT: usize = 10_000;

impl RequestLog {
    pub(crate) fn new(limit: usize) -> Self {
        Self { kept: VecDeque::new(), limit, last: 0, dropped: 0 }
    }

    /// Returns the number of the next request.
    pub(crate) fn next_number(&self) -> u64 {
        self.last.saturating_add(1)
    }

    pub(crate) fn push(&mut self, request: RequestRecord) {
        self.last = self.last.max(request.number);
        self.kept.push_back(request);
        if self.kept.len() > self.limit {
            self.kept.pop_front();
            self.dropped += 1;
        }
    }

    pub(crate) fn kept(&self) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        self.kept.iter()
    }

    /// Returns the requests with a higher number, oldest first.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = &RequestRecord> {
        let newer = self.kept.iter().rev().take_while(move |request| request.number > number).count();
        self.kept.iter().skip(self.kept.len() - newer)
    }

    /// Returns how many requests have been dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.dropped = 0;
    }
}
