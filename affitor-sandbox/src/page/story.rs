//! Data of the page: the visitors that match the filter, most recently active first, the partners, and the problems.

mod partner;
mod totals;
mod visitor;

use std::cmp::Reverse;

use serde::Deserialize;

pub(super) use self::{
    partner::PartnerStory,
    totals::{Money, Totals},
    visitor::{Event, Visitor},
};
use crate::{
    commission::Commission,
    fault::FaultRule,
    memory::MemoryUse,
    policy::{AttributionModel, Policy},
    program::DEFAULT_API_KEY,
    record::{ChainRecord, ClickRecord, CustomerStatus, DoublePayment},
    request_log::{RequestLog, RequestRecord},
    secret::SecretHash,
    state::{Customer, State},
};

/// Maximum numbers of visitors, requests, test events and policies on the page.
const VISITORS: usize = 25;
const REQUESTS: usize = 30;
const TESTS: usize = 10;
const POLICIES: usize = 50;

/// Query parameters of the page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    /// `partners`, or anything else for the visitors.
    pub view: String,
    /// Part of a customer key, click id, transaction id or landing URL.
    pub q: String,
    pub partner: String,
    /// `click`, `lead`, `conversion` or `refund`.
    pub stage: String,
    /// Number of visitors to skip.
    pub skip: usize,
}

impl Filter {
    pub(super) fn is_set(&self) -> bool {
        !(self.q.is_empty() && self.partner.is_empty() && self.stage.is_empty())
    }

    pub(super) fn shows_partners(&self) -> bool {
        self.view == "partners"
    }

    fn matches(&self, state: &State, customer: &Customer) -> bool {
        let at_stage = match self.stage.as_str() {
            "click" => customer.status == CustomerStatus::Click,
            "lead" => customer.status == CustomerStatus::Lead,
            "conversion" => customer.status == CustomerStatus::Conversion,
            "refund" => !customer.refunds.is_empty(),
            _ => true,
        };
        let of_partner =
            || self.partner.is_empty() || clicks(state, customer).any(|click| click.partner_code == self.partner);
        at_stage && of_partner() && (self.q.is_empty() || self.finds(state, customer))
    }

    fn finds(&self, state: &State, customer: &Customer) -> bool {
        let wanted = self.q.to_lowercase();
        let found = |text: &str| text.to_lowercase().contains(&wanted);
        customer.key.as_deref().is_some_and(found)
            || clicks(state, customer).any(|click| found(&click.click_id) || found(&click.affiliate_url))
            || customer.sales.iter().any(|index| found(&state.sales[*index].transaction_id))
    }
}

fn clicks<'s>(state: &'s State, customer: &'s Customer) -> impl Iterator<Item = &'s ClickRecord> {
    customer.clicks.iter().filter_map(|number| state.clicks.get(number)).map(Box::as_ref)
}

/// Data of the page at one moment.
pub(super) struct Story {
    pub filter: Filter,
    pub now_ms: i64,
    pub ahead_ms: i64,
    pub program_id: u64,
    /// The API key if it is the default one; otherwise a placeholder.
    pub key_to_show: &'static str,
    /// Codes of all partners.
    pub codes: Vec<String>,
    pub stripe_connected: bool,
    pub is_paused: bool,
    pub model: AttributionModel,
    /// Policies of the first program, newest first.
    pub policies: Vec<Policy>,
    /// What a sale has without any of them.
    pub policy: Option<Commission>,
    pub attribution_window_days: u32,
    pub hold_days: u32,
    pub doubles: Vec<DoublePayment>,
    pub memory: MemoryUse,
    pub totals: Totals,
    /// Empty unless the view is that of the partners.
    pub partners: Vec<PartnerStory>,
    pub visitors: Vec<Visitor>,
    /// Number of visitors that match the filter.
    pub found: usize,
    pub more: bool,
    pub faults: Vec<FaultRule>,
    /// Newest requests that were refused or met a fault, newest first.
    pub problems: Vec<RequestRecord>,
    /// Number of all such requests.
    pub problem_count: usize,
    /// Newest requests that recorded nothing although nothing is wrong, newest first.
    pub without_effect: Vec<RequestRecord>,
    pub tests: Vec<Test>,
}

/// A chain or a test-mode event.
pub(super) enum Test {
    Chain(ChainRecord),
    Event { event_type: String, at_ms: i64 },
}

impl Test {
    pub(super) fn at_ms(&self) -> i64 {
        match self {
            Self::Chain(chain) => chain.at_ms,
            Self::Event { at_ms, .. } => *at_ms,
        }
    }
}

impl Story {
    pub(super) fn of(state: &State, log: &RequestLog, faults: &[FaultRule], filter: Filter) -> Self {
        let customers = state.customers.values().map(Box::as_ref);
        let mut wanted: Vec<&Customer> = if filter.shows_partners() {
            Vec::new()
        } else {
            customers.filter(|customer| filter.matches(state, customer)).collect()
        };
        let found = wanted.len();
        let last = filter.skip.saturating_add(VISITORS);
        let latest = |customer: &&Customer| Reverse((customer.last_event, customer.id));
        if last < wanted.len() {
            wanted.select_nth_unstable_by_key(last, latest);
            wanted.truncate(last);
        }
        wanted.sort_unstable_by_key(latest);
        let visitors = wanted.into_iter().skip(filter.skip).map(|customer| Visitor::of(state, customer)).collect();
        let first = state.first_program();
        let is_default =
            first.is_some_and(|program| program.api_key.hash == SecretHash::of(DEFAULT_API_KEY.as_bytes()));
        let problems = || log.kept().rev().filter(|request| request.failed());
        Self {
            now_ms: state.clock.now_ms(),
            ahead_ms: state.clock.ahead_ms(),
            program_id: first.map_or(0, |program| program.id),
            key_to_show: if is_default { DEFAULT_API_KEY } else { "your-api-key" },
            codes: state.partners.iter().map(|partner| partner.code.clone()).collect(),
            stripe_connected: first.is_some_and(|program| program.stripe.is_some()),
            is_paused: first.is_some_and(|program| program.is_paused),
            model: first.map(|program| program.attribution_model).unwrap_or_default(),
            policies: first
                .into_iter()
                .flat_map(|program| program.policies.iter().rev().take(POLICIES).cloned())
                .collect(),
            policy: first.and_then(|program| program.commission),
            attribution_window_days: first.map_or(0, |program| program.attribution_window_days),
            hold_days: first.map_or(0, |program| program.hold_days),
            doubles: state.double_payments(),
            memory: state.memory(),
            totals: Totals::of(state),
            partners: if filter.shows_partners() { PartnerStory::all(state) } else { Vec::new() },
            visitors,
            found,
            more: found > last,
            faults: faults.to_vec(),
            problems: problems().take(REQUESTS).cloned().collect(),
            problem_count: problems().count(),
            without_effect: log
                .kept()
                .rev()
                .filter(|request| request.is_without_effect())
                .take(TESTS)
                .cloned()
                .collect(),
            tests: tests(state),
            filter,
        }
    }
}

fn tests(state: &State) -> Vec<Test> {
    let chains = state.chains.iter().rev().take(TESTS).map(|chain| Test::Chain(*chain));
    let events = state.test_events.iter().rev().take(TESTS);
    let events = events.map(|event| Test::Event { event_type: event.event_type.clone(), at_ms: event.at_ms });
    let mut tests: Vec<Test> = chains.chain(events).collect();
    tests.sort_by_key(|test| Reverse(test.at_ms()));
    tests.truncate(TESTS);
    tests
}
