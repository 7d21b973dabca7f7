//! Data of the page: the visitors that match the filter, most recently active first, and the failed requests.

use std::cmp::Reverse;

use serde::Deserialize;

use crate::{
    fault::FaultRule,
    program::DEFAULT_API_KEY,
    record::{ChainRecord, ClickRecord, CommissionRecord, CustomerStatus, LeadRecord, RefundRecord, SaleRecord},
    request_log::{RequestLog, RequestRecord},
    state::{Customer, State},
};

/// Maximum numbers of visitors, events per visitor, requests and test events on the page.
const VISITORS: usize = 25;
const EVENTS: usize = 12;
const REQUESTS: usize = 30;
const TESTS: usize = 10;

/// Query parameters of the page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
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

    fn matches(&self, state: &State, customer: &Customer) -> bool {
        let at_stage = match self.stage.as_str() {
            "click" => customer.status == CustomerStatus::Click,
            "lead" => customer.status == CustomerStatus::Lead,
            "conversion" => customer.status == CustomerStatus::Conversion,
            "refund" => !customer.refunds.is_empty(),
            _ => true,
        };
        let of_partner = || {
            self.partner.is_empty()
                || customer.clicks.iter().any(|click| state.clicks[*click].partner_code == self.partner)
        };
        at_stage && of_partner() && (self.q.is_empty() || self.finds(state, customer))
    }

    fn finds(&self, state: &State, customer: &Customer) -> bool {
        let found = |text: &str| text.contains(&self.q);
        customer.key.as_deref().is_some_and(found)
            || customer.clicks.iter().any(|index| {
                let click = &state.clicks[*index];
                found(&click.click_id) || found(&click.affiliate_url)
            })
            || customer.sales.iter().any(|index| found(&state.sales[*index].transaction_id))
    }
}

/// Data of the page at one moment.
pub(super) struct Story {
    pub filter: Filter,
    pub now_ms: i64,
    pub ahead_ms: i64,
    pub program_id: u64,
    /// The API key if it is the default one; otherwise a placeholder.
    pub key_to_show: &'static str,
    pub partners: Vec<String>,
    pub totals: Totals,
    pub visitors: Vec<Visitor>,
    /// Number of visitors that match the filter.
    pub found: usize,
    pub more: bool,
    pub faults: Vec<FaultRule>,
    /// Requests that were refused or met a fault, newest first.
    pub wrong: Vec<RequestRecord>,
    pub tests: Vec<Test>,
}

#[derive(Default)]
pub(super) struct Totals {
    pub clicks: usize,
    pub leads: usize,
    pub sales: usize,
    pub refunds: usize,
    pub commissions: usize,
}

/// A visitor with their events, newest first.
pub(super) struct Visitor {
    pub number: u64,
    pub key: Option<String>,
    pub status: CustomerStatus,
    pub refunded: bool,
    pub partner: Option<String>,
    pub last_event: u64,
    pub events: Vec<Event>,
    /// Number of older events that are not shown.
    pub older: usize,
}

pub(super) enum Event {
    Click(ClickRecord),
    Lead(LeadRecord),
    Sale(Box<SaleRecord>, Option<CommissionRecord>),
    Refund(RefundRecord, String),
}

impl Event {
    pub(super) fn at_ms(&self) -> i64 {
        match self {
            Self::Click(click) => click.at_ms,
            Self::Lead(lead) => lead.at_ms,
            Self::Sale(sale, _) => sale.at_ms,
            Self::Refund(refund, _) => refund.at_ms,
        }
    }

    /// Order of events with the same timestamp.
    fn order(&self) -> u8 {
        match self {
            Self::Click(_) => 0,
            Self::Lead(_) => 1,
            Self::Sale(..) => 2,
            Self::Refund(..) => 3,
        }
    }
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
        let mut wanted: Vec<&Customer> =
            state.customers.iter().filter(|customer| filter.matches(state, customer)).collect();
        let found = wanted.len();
        let last = filter.skip.saturating_add(VISITORS);
        let latest = |customer: &&Customer| Reverse((customer.last_event, customer.id));
        if last < wanted.len() {
            wanted.select_nth_unstable_by_key(last, latest);
            wanted.truncate(last);
        }
        wanted.sort_unstable_by_key(latest);
        let visitors = wanted.into_iter().skip(filter.skip).map(|customer| Visitor::of(state, customer)).collect();
        Self {
            now_ms: state.clock.now_ms(),
            ahead_ms: state.clock.ahead_ms(),
            program_id: state.programs.first().map_or(0, |program| program.id),
            key_to_show: match state.programs.first() {
                Some(program) if program.api_key.0 == DEFAULT_API_KEY => DEFAULT_API_KEY,
                _ => "your-api-key",
            },
            partners: state.partners.iter().map(|partner| partner.code.clone()).collect(),
            totals: Totals {
                clicks: state.clicks.len(),
                leads: state.leads.len(),
                sales: state.sales.len(),
                refunds: state.refunds.len(),
                commissions: state.commissions.len(),
            },
            visitors,
            found,
            more: found > last,
            faults: faults.to_vec(),
            wrong: log.kept().rev().filter(|request| request.failed()).take(REQUESTS).cloned().collect(),
            tests: tests(state),
            filter,
        }
    }
}

impl Visitor {
    fn of(state: &State, customer: &Customer) -> Self {
        // Only the newest events are shown, so only the newest of each type are needed.
        fn latest(indices: &[usize]) -> impl Iterator<Item = &usize> {
            indices.iter().rev().take(EVENTS)
        }
        let waiting = state.provisional.iter().rev().filter(|lead| lead.customer_id == customer.id);
        let waiting_count = waiting.clone().count();
        let mut events: Vec<Event> = latest(&customer.clicks)
            .map(|index| Event::Click(state.clicks[*index].clone()))
            .chain(latest(&customer.leads).map(|index| Event::Lead(state.leads[*index].clone())))
            .chain(waiting.take(EVENTS).cloned().map(Event::Lead))
            .chain(latest(&customer.sales).map(|index| {
                let sale = state.sales[*index].clone();
                let commission = sale.commission_id.and_then(|id| state.commission(id)).cloned();
                Event::Sale(Box::new(sale), commission)
            }))
            .chain(latest(&customer.refunds).map(|index| {
                let refund = state.refunds[*index].clone();
                let currency = state.sale_of(&refund.transaction_id).map(|sale| sale.currency.clone());
                Event::Refund(refund, currency.unwrap_or_default())
            }))
            .collect();
        events.sort_by_key(|event| Reverse((event.at_ms(), event.order())));
        events.truncate(EVENTS);
        let all = customer.clicks.len()
            + customer.leads.len()
            + customer.sales.len()
            + customer.refunds.len()
            + waiting_count;
        Self {
            number: customer.id,
            key: customer.key.clone(),
            status: customer.status,
            refunded: !customer.refunds.is_empty(),
            partner: customer.clicks.last().map(|click| state.clicks[*click].partner_code.clone()),
            last_event: customer.last_event,
            older: all.saturating_sub(events.len()),
            events,
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
