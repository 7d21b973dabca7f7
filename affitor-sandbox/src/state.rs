//! All that the service knows.

use std::collections::HashMap;

use crate::{
    clock::Clock,
    program::{Partner, PartnerState, Program},
    record::{
        ChainRecord, ClickRecord, CommissionRecord, CustomerRecord, CustomerStatus, LeadRecord, RefundRecord,
        SaleRecord, Snapshot, TestEventRecord,
    },
};

/// Everything, in the order in which it came; the maps point into the lists. It is changed by
/// [`apply`](Self::apply) alone.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub programs: Vec<Program>,
    pub partners: Vec<Partner>,
    pub customers: Vec<Customer>,
    pub clicks: Vec<ClickRecord>,
    /// Those that count.
    pub leads: Vec<LeadRecord>,
    /// Those that wait for a lead with the key.
    pub provisional: Vec<LeadRecord>,
    pub sales: Vec<SaleRecord>,
    pub commissions: Vec<CommissionRecord>,
    pub refunds: Vec<RefundRecord>,
    pub test_events: Vec<TestEventRecord>,
    pub chains: Vec<ChainRecord>,
    /// When a page last fetched the tracker script.
    pub tracker_ms: Option<i64>,
    /// When readiness last looked for the tracker, and whether it was there; and when it was last made to look.
    pub tracker_check: Option<(i64, bool)>,
    pub forced_check_ms: Option<i64>,
    pub clock: Clock,
    partner_by_code: HashMap<String, usize>,
    click_by_id: HashMap<String, usize>,
    customer_by_key: HashMap<(usize, String), usize>,
    sale_by_transaction: HashMap<String, usize>,
    commission_by_id: HashMap<u64, usize>,
    last_id: u64,
    /// Counts what has happened, so that customers can be put into the order of their last event.
    events: u64,
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
    pub leads: Vec<usize>,
    pub sales: Vec<usize>,
    pub refunds: Vec<usize>,
    /// Which event was their last.
    pub last_event: u64,
}

impl State {
    pub(crate) fn new(programs: Vec<Program>, partners: Vec<Partner>, clock: Clock) -> Self {
        let partner_by_code = partners.iter().enumerate().map(|(at, partner)| (partner.code.clone(), at)).collect();
        Self { programs, partners, partner_by_code, clock, ..Self::default() }
    }

    /// As it was at the start.
    pub(crate) fn emptied(&self) -> Self {
        let active = |partner: &Partner| Partner { state: PartnerState::Active, ..partner.clone() };
        let mut clock = self.clock.clone();
        clock.set_ahead(0);
        Self::new(self.programs.clone(), self.partners.iter().map(active).collect(), clock)
    }

    /// A number for a new event: the `nth` from here on, counted from 1.
    pub(crate) fn id_after(&self, nth: u64) -> u64 {
        self.last_id.saturating_add(nth)
    }

    pub(crate) fn use_id(&mut self, id: u64) {
        self.last_id = self.last_id.max(id);
    }

    /// The place of a program, by its id as a path writes it.
    pub(crate) fn program_of_id(&self, id: &str) -> Option<usize> {
        self.program_place(id.parse().ok()?)
    }

    pub(crate) fn program_place(&self, id: u64) -> Option<usize> {
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
    pub(crate) fn customer_place(&self, id: u64) -> Option<usize> {
        usize::try_from(id.checked_sub(1)?).ok().filter(|place| *place < self.customers.len())
    }

    /// The number of the next new customer.
    pub(crate) fn next_customer_id(&self) -> u64 {
        self.customers.len() as u64 + 1
    }

    pub(crate) fn sale_of(&self, transaction_id: &str) -> Option<&SaleRecord> {
        self.sales.get(*self.sale_by_transaction.get(transaction_id)?)
    }

    pub(crate) fn commission(&self, id: u64) -> Option<&CommissionRecord> {
        self.commissions.get(*self.commission_by_id.get(&id)?)
    }

    pub(crate) fn commission_mut(&mut self, id: u64) -> Option<&mut CommissionRecord> {
        self.commissions.get_mut(*self.commission_by_id.get(&id)?)
    }

    /// The customer with this number, or the next new one.
    pub(crate) fn customer_or_new(&mut self, id: u64, program_id: u64) -> Option<usize> {
        if id == self.next_customer_id() {
            let program = self.program_place(program_id)?;
            self.customers.push(Customer {
                id,
                program,
                key: None,
                status: CustomerStatus::Click,
                clicks: Vec::new(),
                leads: Vec::new(),
                sales: Vec::new(),
                refunds: Vec::new(),
                last_event: 0,
            });
        }
        self.customer_place(id)
    }

    /// Ties a customer to the shop's own id of the user, unless another customer has it.
    pub(crate) fn bind_key(&mut self, customer: usize, key: &str) {
        let program = self.customers[customer].program;
        let holder = *self.customer_by_key.entry((program, key.to_owned())).or_insert(customer);
        if holder == customer {
            self.customers[customer].key.get_or_insert_with(|| key.to_owned());
        }
    }

    /// The only customer of whom a lead waits under this key, where there is one: anybody can send such leads, so of
    /// two nobody can say which is right.
    pub(crate) fn customer_waiting_with(&self, program: usize, key: &str) -> Option<usize> {
        let id = self.programs[program].id;
        let mut waiting = self
            .provisional
            .iter()
            .filter(|lead| lead.program_id == id && lead.customer_key.as_deref() == Some(key))
            .map(|lead| lead.customer_id);
        let first = waiting.next()?;
        if waiting.all(|other| other == first) { self.customer_place(first) } else { None }
    }

    /// The customer, as of whom something has just happened.
    pub(crate) fn touched(&mut self, customer: usize) -> &mut Customer {
        self.events += 1;
        self.customers[customer].last_event = self.events;
        &mut self.customers[customer]
    }

    pub(crate) fn add_click(&mut self, customer: usize, click: ClickRecord) {
        let place = self.clicks.len();
        self.click_by_id.insert(click.click_id.clone(), place);
        self.touched(customer).clicks.push(place);
        self.clicks.push(click);
    }

    pub(crate) fn add_lead(&mut self, customer: usize, lead: LeadRecord) {
        let place = self.leads.len();
        self.touched(customer).leads.push(place);
        self.leads.push(lead);
    }

    pub(crate) fn add_commission(&mut self, commission: CommissionRecord) {
        self.commission_by_id.insert(commission.commission_id, self.commissions.len());
        self.commissions.push(commission);
    }

    pub(crate) fn add_sale(&mut self, sale: SaleRecord) {
        let place = self.sales.len();
        if let Some(customer) = self.customer_place(sale.customer_id) {
            let customer = self.touched(customer);
            customer.sales.push(place);
            customer.status = CustomerStatus::Conversion;
        }
        self.sale_by_transaction.insert(sale.transaction_id.clone(), place);
        self.sales.push(sale);
    }

    pub(crate) fn add_refund(&mut self, refund: RefundRecord) {
        let place = self.refunds.len();
        let customer = self.sale_of(&refund.transaction_id).and_then(|sale| self.customer_place(sale.customer_id));
        if let Some(customer) = customer {
            self.touched(customer).refunds.push(place);
        }
        self.refunds.push(refund);
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

    /// All leads, provisional ones too, oldest first.
    pub(crate) fn all_leads(&self) -> Vec<LeadRecord> {
        let mut leads: Vec<LeadRecord> = self.leads.iter().chain(&self.provisional).cloned().collect();
        leads.sort_by_key(|lead| lead.id);
        leads
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
            leads: self.all_leads(),
            sales: self.sales.clone(),
            commissions: self.commissions.clone(),
            refunds: self.refunds.clone(),
            test_events: self.test_events.clone(),
            chains: self.chains.clone(),
        }
    }
}
