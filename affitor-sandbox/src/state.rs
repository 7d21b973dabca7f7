//! All that the service knows.

use std::collections::{HashMap, VecDeque};

use crate::{
    program::{Partner, Program},
    record::{
        ClickRecord, CommissionRecord, CustomerRecord, CustomerStatus, LeadRecord, RefundRecord, RequestRecord,
        SaleRecord, Snapshot, TestEventRecord,
    },
};

/// How many requests are kept; of more, the oldest go.
const REQUESTS_KEPT: usize = 10_000;

/// Everything, in the order in which it came; the maps point into the lists.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub programs: Vec<Program>,
    pub partners: Vec<Partner>,
    pub customers: Vec<Customer>,
    pub clicks: Vec<ClickRecord>,
    pub leads: Vec<LeadRecord>,
    pub sales: Vec<SaleRecord>,
    pub commissions: Vec<CommissionRecord>,
    pub refunds: Vec<RefundRecord>,
    pub test_events: Vec<TestEventRecord>,
    pub requests: VecDeque<RequestRecord>,
    pub chains: Vec<Chain>,
    /// When a page last fetched the tracker script.
    pub tracker_ms: Option<i64>,
    /// When readiness last looked for the tracker, and whether it was there; and when it was last made to look.
    pub tracker_check: Option<(i64, bool)>,
    pub forced_check_ms: Option<i64>,
    partner_by_code: HashMap<String, usize>,
    click_by_id: HashMap<String, usize>,
    customer_by_key: HashMap<(usize, String), usize>,
    sale_by_transaction: HashMap<String, usize>,
    last_id: u64,
}

/// A synthetic chain that was run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    pub program: usize,
    pub at_ms: i64,
    /// Whether its sale was attributed.
    pub attributed: bool,
}

/// A customer, from the first click (or an unattributed lead) on.
#[derive(Debug)]
pub(crate) struct Customer {
    pub id: u64,
    pub program: usize,
    pub key: Option<String>,
    pub status: CustomerStatus,
    /// Places among the clicks, oldest first; the last one wins.
    pub clicks: Vec<usize>,
    pub first_sale_ms: Option<i64>,
}

impl State {
    pub(crate) fn new(programs: Vec<Program>, partners: Vec<Partner>) -> Self {
        let partner_by_code = partners.iter().enumerate().map(|(at, partner)| (partner.code.clone(), at)).collect();
        Self { programs, partners, partner_by_code, ..Self::default() }
    }

    /// A number for a new sale, commission, lead or test event.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The place of a program, by its id as a path writes it.
    pub(crate) fn program_of_id(&self, id: &str) -> Option<usize> {
        let id: u64 = id.parse().ok()?;
        self.programs.iter().position(|program| program.id == id)
    }

    pub(crate) fn partner(&self, code: &str) -> Option<usize> {
        self.partner_by_code.get(code).copied()
    }

    /// The customer behind a click id.
    pub(crate) fn customer_of_click(&self, click_id: &str) -> Option<usize> {
        let click = self.clicks.get(*self.click_by_id.get(click_id)?)?;
        self.customer_place(click.customer_id)
    }

    pub(crate) fn customer_of_key(&self, program: usize, key: &str) -> Option<usize> {
        self.customer_by_key.get(&(program, key.to_owned())).copied()
    }

    /// Customers are numbered from 1 on, in their order.
    fn customer_place(&self, id: u64) -> Option<usize> {
        usize::try_from(id.checked_sub(1)?).ok().filter(|place| *place < self.customers.len())
    }

    pub(crate) fn sale_of(&self, transaction_id: &str) -> Option<usize> {
        self.sale_by_transaction.get(transaction_id).copied()
    }

    pub(crate) fn add_customer(&mut self, program: usize) -> usize {
        let place = self.customers.len();
        self.customers.push(Customer {
            id: place as u64 + 1,
            program,
            key: None,
            status: CustomerStatus::Click,
            clicks: Vec::new(),
            first_sale_ms: None,
        });
        place
    }

    /// Ties a customer to the shop's own id of the user, unless another customer has it.
    pub(crate) fn bind_key(&mut self, customer: usize, key: &str) {
        let program = self.customers[customer].program;
        self.customer_by_key.entry((program, key.to_owned())).or_insert(customer);
        self.customers[customer].key.get_or_insert_with(|| key.to_owned());
    }

    pub(crate) fn add_click(&mut self, customer: usize, click: ClickRecord) {
        let place = self.clicks.len();
        self.click_by_id.insert(click.click_id.clone(), place);
        self.customers[customer].clicks.push(place);
        self.clicks.push(click);
    }

    /// A click id of the service's form that no click has yet.
    pub(crate) fn fresh_click_id(&self, customer_id: u64, now_ms: i64) -> String {
        (now_ms..)
            .map(|ms| format!("cust_{customer_id}_{ms}"))
            .find(|id| !self.click_by_id.contains_key(id))
            .unwrap_or_default()
    }

    pub(crate) fn last_click(&self, customer: usize) -> Option<&ClickRecord> {
        self.clicks.get(*self.customers[customer].clicks.last()?)
    }

    pub(crate) fn add_sale(&mut self, sale: SaleRecord) {
        self.sale_by_transaction.insert(sale.transaction_id.clone(), self.sales.len());
        self.sales.push(sale);
    }

    pub(crate) fn keep_request(&mut self, request: RequestRecord) {
        if self.requests.len() == REQUESTS_KEPT {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    pub(crate) fn customer_records(&self) -> Vec<CustomerRecord> {
        let record = |customer: &Customer| CustomerRecord {
            customer_id: customer.id,
            program_id: self.programs[customer.program].id,
            customer_key: customer.key.clone(),
            status: customer.status,
            partner_code: customer.clicks.last().map(|click| self.clicks[*click].partner_code.clone()),
            click_ids: customer.clicks.iter().map(|click| self.clicks[*click].click_id.clone()).collect(),
        };
        self.customers.iter().map(record).collect()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            customers: self.customer_records(),
            clicks: self.clicks.clone(),
            leads: self.leads.clone(),
            sales: self.sales.clone(),
            commissions: self.commissions.clone(),
            refunds: self.refunds.clone(),
            test_events: self.test_events.clone(),
        }
    }
}
