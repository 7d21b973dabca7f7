//! A visitor with their events.

use std::cmp::Reverse;

use crate::{
    record::{ClickRecord, CommissionRecord, CustomerStatus, LeadRecord, RefundRecord, SaleRecord},
    state::{Customer, State},
};

/// Maximum number of events per visitor on the page.
const EVENTS: usize = 12;

/// A visitor with their events, newest first.
pub(in crate::page) struct Visitor {
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

pub(in crate::page) enum Event {
    Click(Box<ClickRecord>),
    Lead(Box<LeadRecord>),
    Sale(Box<SaleRecord>, Option<CommissionRecord>),
    Refund(RefundRecord, String, u64),
}

impl Event {
    pub(in crate::page) fn at_ms(&self) -> i64 {
        match self {
            Self::Click(click) => click.at_ms,
            Self::Lead(lead) => lead.at_ms,
            Self::Sale(sale, _) => sale.at_ms,
            Self::Refund(refund, ..) => refund.at_ms,
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

impl Visitor {
    pub(super) fn of(state: &State, customer: &Customer) -> Self {
        let waiting = state.provisional.iter().rev().filter(|lead| lead.customer_id == customer.id);
        let waiting_count = waiting.clone().count();
        // Only the newest events are shown, so only the newest of each type are needed.
        let clicks = customer.clicks.iter().rev().take(EVENTS).filter_map(|number| state.clicks.get(number));
        let leads = customer.leads.iter().rev().take(EVENTS).map(|index| &state.leads[*index]);
        let sales = customer.sales.iter().rev().take(EVENTS).map(|index| &state.sales[*index]);
        let refunds = customer.refunds.iter().rev().take(EVENTS).map(|index| &state.refunds[*index]);
        let mut events: Vec<Event> = clicks
            .map(|click| Event::Click(click.clone()))
            .chain(leads.chain(waiting.take(EVENTS)).map(|lead| Event::Lead(Box::new(lead.clone()))))
            .chain(sales.map(|sale| {
                let commission = sale.commission_id.and_then(|id| state.commission(id)).cloned();
                Event::Sale(Box::new(sale.clone()), commission)
            }))
            .chain(refunds.map(|refund| {
                let currency = state.sale_of(&refund.transaction_id).map(|sale| sale.currency.clone());
                Event::Refund(refund.clone(), currency.unwrap_or_default(), refunded_by(refund, state, customer))
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
            partner: state.credited_click(customer).map(|click| click.partner_code.clone()),
            last_event: customer.last_event,
            older: all.saturating_sub(events.len()),
            events,
        }
    }
}

/// The amount of one refund, in the currency's smallest unit: of a full one, what the refunds before it have left.
fn refunded_by(refund: &RefundRecord, state: &State, customer: &Customer) -> u64 {
    let of_sale = customer.refunds.iter().map(|index| &state.refunds[*index]);
    let before = of_sale
        .filter(|other| other.transaction_id == refund.transaction_id && other.refunded_cents < refund.refunded_cents)
        .map(|other| other.refunded_cents)
        .max();
    refund.refund_amount_cents.unwrap_or_else(|| refund.refunded_cents.saturating_sub(before.unwrap_or(0)))
}
