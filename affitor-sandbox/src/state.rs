//! The state of the service.

use std::collections::HashMap;

use crate::{
    clock::Clock,
    program::{Partner, PartnerState, Program},
    record::{
        ChainRecord, ClickRecord, CommissionRecord, CustomerRecord, CustomerStatus, LeadRecord, RefundRecord,
        SaleRecord, Snapshot, TestEventRecord,
    },
};

/// All records, in order of arrival. The maps contain indices into the lists. Calls change the state only through
/// [`apply`](Self::apply).
#[derive(Debug, Default)]
pub(crate) struct State {
    pub programs: Vec<Program>,
    pub partners: Vec<Partner>,
    pub customers: Vec<Customer>,
    pub clicks: Vec<ClickRecord>,
    /// Leads that are not provisional.
    pub leads: Vec<LeadRecord>,
    /// Provisional leads, waiting for a lead with the API key.
    pub provisional: Vec<LeadRecord>,
    pub sales: Vec<SaleRecord>,
    pub commissions: Vec<CommissionRecord>,
    pub refunds: Vec<RefundRecord>,
    pub test_events: Vec<TestEventRecord>,
    pub chains: Vec<ChainRecord>,
    /// Time of the last fetch of the tracker script.
    pub tracker_ms: Option<i64>,
    /// Time of readiness's last check for the tracker, and whether it was installed.
    pub tracker_check: Option<(i64, bool)>,
    /// Time of the last forced check for the tracker.
    pub forced_check_ms: Option<i64>,
    pub clock: Clock,
    partner_by_code: HashMap<String, usize>,
    click_by_id: HashMap<String, usize>,
    customer_by_key: HashMap<(usize, String), usize>,
    sale_by_transaction: HashMap<String, usize>,
    commission_by_id: HashMap<u64, usize>,
    last_id: u64,
    /// Number of events so far, by which customers are sorted.
    events: u64,
}

/// A customer, created by their first click or by an unattributed lead.
#[derive(Debug)]
pub(crate) struct Customer {
    pub id: u64,
    /// Index of the program.
    pub program: usize,
    pub key: Option<String>,
    pub status: CustomerStatus,
    /// Indices of the clicks, oldest first. The last one is credited.
    pub clicks: Vec<usize>,
    pub leads: Vec<usize>,
    pub sales: Vec<usize>,
    pub refunds: Vec<usize>,
    /// Number of their last event.
    pub last_event: u64,
}

impl State {
    pub(crate) fn new(programs: Vec<Program>, partners: Vec<Partner>, clock: Clock) -> Self {
        let partner_by_code =
            partners.iter().enumerate().map(|(index, partner)| (partner.code.clone(), index)).collect();
        Self { programs, partners, partner_by_code, clock, ..Self::default() }
    }

    /// Returns the state at the start, with the same programs and partners.
    pub(crate) fn initial(&self) -> Self {
        let active = |partner: &Partner| Partner { state: PartnerState::Active, ..partner.clone() };
        let mut clock = self.clock.clone();
        clock.set_ahead(0);
        Self::new(self.programs.clone(), self.partners.iter().map(active).collect(), clock)
    }

    /// Returns the `nth` unused id, counted from 1.
    pub(crate) fn id_after(&self, nth: u64) -> u64 {
        self.last_id.saturating_add(nth)
    }

    pub(crate) fn use_id(&mut self, id: u64) {
        self.last_id = self.last_id.max(id);
    }

    /// Returns the index of the program with this id, given as text.
    pub(crate) fn program_of_id(&self, id: &str) -> Option<usize> {
        self.program_index(id.parse().ok()?)
    }

    pub(crate) fn program_index(&self, id: u64) -> Option<usize> {
        self.programs.iter().position(|program| program.id == id)
    }

    pub(crate) fn partner(&self, code: &str) -> Option<usize> {
        self.partner_by_code.get(code).copied()
    }

    /// Returns the index of the customer with this click id.
    pub(crate) fn customer_of_click(&self, click_id: &str) -> Option<usize> {
        let click = self.clicks.get(*self.click_by_id.get(click_id)?)?;
        self.customer_index(click.customer_id)
    }

    pub(crate) fn customer_of_key(&self, program: usize, key: &str) -> Option<usize> {
        self.customer_by_key.get(&(program, key.to_owned())).copied()
    }

    /// Returns the index of the customer with this number. Customers are numbered from 1.
    pub(crate) fn customer_index(&self, id: u64) -> Option<usize> {
        usize::try_from(id.checked_sub(1)?).ok().filter(|index| *index < self.customers.len())
    }

    /// Returns the number of the next new customer.
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

    /// Returns the index of the customer with this number. Creates the customer if the number is the next unused one.
    pub(crate) fn customer_or_new(&mut self, id: u64, program_id: u64) -> Option<usize> {
        if id == self.next_customer_id() {
            let program = self.program_index(program_id)?;
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
        self.customer_index(id)
    }

    /// Assigns a customer key to a customer, unless another customer of the program has it.
    pub(crate) fn bind_key(&mut self, customer: usize, key: &str) {
        let program = self.customers[customer].program;
        let holder = *self.customer_by_key.entry((program, key.to_owned())).or_insert(customer);
        if holder == customer {
            self.customers[customer].key.get_or_insert_with(|| key.to_owned());
        }
    }

    /// Returns the customer who has a provisional lead with this key, if there is exactly one. Anyone can send provisional
    /// leads, so if there are two customers it is unknown which one is right.
    pub(crate) fn customer_with_provisional_lead(&self, program: usize, key: &str) -> Option<usize> {
        let id = self.programs[program].id;
        let mut waiting = self
            .provisional
            .iter()
            .filter(|lead| lead.program_id == id && lead.customer_key.as_deref() == Some(key))
            .map(|lead| lead.customer_id);
        let first = waiting.next()?;
        if waiting.all(|other| other == first) { self.customer_index(first) } else { None }
    }

    /// Counts an event of the customer and returns the customer.
    pub(crate) fn touch(&mut self, customer: usize) -> &mut Customer {
        self.events += 1;
        self.customers[customer].last_event = self.events;
        &mut self.customers[customer]
    }

    pub(crate) fn add_click(&mut self, customer: usize, click: ClickRecord) {
        let index = self.clicks.len();
        self.click_by_id.insert(click.click_id.clone(), index);
        self.touch(customer).clicks.push(index);
        self.clicks.push(click);
    }

    pub(crate) fn add_lead(&mut self, customer: usize, lead: LeadRecord) {
        let index = self.leads.len();
        self.touch(customer).leads.push(index);
        self.leads.push(lead);
    }

    pub(crate) fn add_commission(&mut self, commission: CommissionRecord) {
        self.commission_by_id.insert(commission.commission_id, self.commissions.len());
        self.commissions.push(commission);
    }

    pub(crate) fn add_sale(&mut self, sale: SaleRecord) {
        let index = self.sales.len();
        if let Some(customer) = self.customer_index(sale.customer_id) {
            let customer = self.touch(customer);
            customer.sales.push(index);
            customer.status = CustomerStatus::Conversion;
        }
        self.sale_by_transaction.insert(sale.transaction_id.clone(), index);
        self.sales.push(sale);
    }

    pub(crate) fn add_refund(&mut self, refund: RefundRecord) {
        let index = self.refunds.len();
        let customer = self.sale_of(&refund.transaction_id).and_then(|sale| self.customer_index(sale.customer_id));
        if let Some(customer) = customer {
            self.touch(customer).refunds.push(index);
        }
        self.refunds.push(refund);
    }

    /// Returns an unused click id in the service's format.
    pub(crate) fn fresh_click_id(&self, customer_id: u64, now_ms: i64) -> String {
        (now_ms..)
            .map(|ms| format!("cust_{customer_id}_{ms}"))
            .find(|id| !self.click_by_id.contains_key(id))
            .unwrap_or_default()
    }

    pub(crate) fn last_click(&self, customer: usize) -> Option<&ClickRecord> {
        self.clicks.get(*self.customers[customer].clicks.last()?)
    }

    /// Returns all leads, including provisional ones, oldest first.
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
