//! The state of the service. Calls change it only through [`State::apply`].

mod add;
mod customer;
mod double;
mod limit;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

pub(crate) use customer::Customer;
use double::Pair;
use limit::Stripped;

use crate::{
    account::Accounts,
    clock::Clock,
    management::ManagementKeys,
    memory::{MemoryUse, Used},
    origin::Origin,
    policy::{AttributionModel, DEFAULT_GROUP},
    program::{Partner, PartnerState, Program},
    record::{
        ChainRecord, ClickRecord, CommissionRecord, CustomerRecord, LeadRecord, RefundRecord, SaleRecord, Snapshot,
        TestEventRecord,
    },
};

/// All records, oldest first, and the maps by which they are found.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub programs: Vec<Program>,
    pub partners: Vec<Partner>,
    pub accounts: Accounts,
    pub management: ManagementKeys,
    /// By number.
    pub customers: BTreeMap<u64, Box<Customer>>,
    /// By number of the event.
    pub clicks: BTreeMap<u64, Box<ClickRecord>>,
    /// Leads that are not provisional.
    pub leads: Vec<LeadRecord>,
    /// Provisional leads, waiting for a lead with the API key.
    pub provisional: VecDeque<LeadRecord>,
    pub sales: Vec<SaleRecord>,
    pub commissions: Vec<CommissionRecord>,
    pub refunds: Vec<RefundRecord>,
    /// Sales of payments that have two, by number.
    pairs: BTreeMap<u64, Pair>,
    pub test_events: VecDeque<TestEventRecord>,
    /// Transaction ids of test sales.
    test_transactions: HashSet<String>,
    pub chains: VecDeque<ChainRecord>,
    /// Time of the last fetch of the tracker script.
    pub tracker_ms: Option<i64>,
    /// Time of readiness's last check for the tracker, and whether it was installed, by program.
    pub tracker_checks: HashMap<u64, (i64, bool)>,
    /// Time of the last forced check for the tracker, by program.
    pub forced_checks_ms: HashMap<u64, i64>,
    pub clock: Clock,
    /// Time at which the sandbox was created.
    pub created_ms: i64,
    /// Identifies this state: another one begins with another sandbox, or a reset. The tracker compares it.
    pub generation: String,
    /// Numbers of dropped clicks, by program and minute.
    pub dropped_clicks: BTreeMap<(u64, i64), u64>,
    /// What the builder has set, to which a reset returns.
    configured: Arc<Configured>,
    partner_by_code: HashMap<String, usize>,
    click_by_id: HashMap<String, u64>,
    customer_by_key: HashMap<(usize, String), u64>,
    customer_by_email: HashMap<(usize, String), u64>,
    customer_by_stripe: HashMap<(usize, String), u64>,
    sale_by_transaction: HashMap<String, usize>,
    sale_by_stripe_id: HashMap<(usize, String), usize>,
    commission_by_id: HashMap<u64, usize>,
    last_event: u64,
    last_sale: u64,
    last_commission: u64,
    last_customer: u64,
    /// Number of events so far, by which customers are sorted.
    events: u64,
    /// During a replay: customers to whom later changes refer, and who are therefore kept.
    later: HashSet<u64>,
    /// During a replay: whether customers may be missing, because their lines were damaged.
    has_gaps: bool,
    used: Used,
    stripped: Stripped,
    memory: MemoryUse,
}

/// What a sandbox begins with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configured {
    pub programs: Vec<Program>,
    pub partners: Vec<Partner>,
    pub management: ManagementKeys,
}

impl State {
    pub(crate) fn new(configured: Configured, clock: Clock, memory_limit: usize) -> Self {
        Self::of(Arc::new(configured), clock, memory_limit)
    }

    fn of(configured: Arc<Configured>, clock: Clock, memory_limit: usize) -> Self {
        let Configured { programs, partners, management } = (*configured).clone();
        let partner_by_code =
            partners.iter().enumerate().map(|(index, partner)| (partner.code.clone(), index)).collect();
        let created_ms = clock.now_ms();
        let memory = MemoryUse { limit_bytes: memory_limit, ..MemoryUse::default() };
        Self {
            programs,
            partners,
            management,
            configured,
            partner_by_code,
            clock,
            created_ms,
            memory,
            ..Self::default()
        }
    }

    /// Returns the state at the start: only the programs and partners of the builder.
    pub(crate) fn initial(&self) -> Self {
        let mut clock = self.clock.clone();
        clock.set_ahead(0);
        Self::of(self.configured.clone(), clock, self.memory.limit_bytes)
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin { created_ms: self.created_ms, generation: self.generation.clone() }
    }

    pub(crate) fn set_origin(&mut self, origin: Origin) {
        (self.created_ms, self.generation) = (origin.created_ms, origin.generation);
    }

    /// Adds a partner.
    pub(crate) fn add_partner(&mut self, partner: Partner) {
        self.partner_by_code.insert(partner.code.clone(), self.partners.len());
        self.partners.push(partner);
    }

    /// Returns the index of the program with this id, given as text.
    pub(crate) fn program_of_id(&self, id: &str) -> Option<usize> {
        self.program_index(id.parse().ok()?)
    }

    pub(crate) fn program_index(&self, id: u64) -> Option<usize> {
        self.programs.iter().position(|program| program.id == id)
    }

    /// Returns the program that a request without one belongs to: the first.
    pub(crate) fn first_program(&self) -> Option<&Program> {
        self.programs.first()
    }

    pub(crate) fn partner(&self, code: &str) -> Option<usize> {
        self.partner_by_code.get(code).copied()
    }

    /// Returns the partners of the program with this index.
    pub(crate) fn partners_of(&self, program: usize) -> impl Iterator<Item = &Partner> {
        self.partners.iter().filter(move |partner| partner.program == program)
    }

    /// Returns the state of the partner with this code.
    pub(crate) fn partner_state(&self, code: &str) -> Option<PartnerState> {
        self.partner(code).map(|partner| self.partners[partner].state)
    }

    /// Returns the group of the partner with this code.
    pub(crate) fn partner_group(&self, code: &str) -> &str {
        self.partner(code).map_or(DEFAULT_GROUP, |partner| &self.partners[partner].group)
    }

    pub(crate) fn customer(&self, number: u64) -> Option<&Customer> {
        self.customers.get(&number).map(Box::as_ref)
    }

    /// Returns the customer with this click id.
    pub(crate) fn customer_of_click(&self, click_id: &str) -> Option<&Customer> {
        let click = self.clicks.get(self.click_by_id.get(click_id)?)?;
        self.customer(click.customer_id)
    }

    pub(crate) fn knows_click(&self, click_id: &str) -> bool {
        self.click_by_id.contains_key(click_id)
    }

    pub(crate) fn customer_of_key(&self, program: usize, key: &str) -> Option<&Customer> {
        self.customer(*self.customer_by_key.get(&(program, key.to_owned()))?)
    }

    pub(crate) fn customer_of_email(&self, program: usize, email_sha256: &str) -> Option<&Customer> {
        self.customer(*self.customer_by_email.get(&(program, email_sha256.to_owned()))?)
    }

    pub(crate) fn customer_of_stripe(&self, program: usize, stripe_customer: &str) -> Option<&Customer> {
        self.customer(*self.customer_by_stripe.get(&(program, stripe_customer.to_owned()))?)
    }

    /// Returns the customer who has a provisional lead with this key, if there is exactly one. Anyone can send provisional
    /// leads, so if there are two customers it is unknown which one is right.
    pub(crate) fn customer_with_provisional_lead(&self, program: usize, key: &str) -> Option<&Customer> {
        let id = self.programs[program].id;
        let mut waiting = self
            .provisional
            .iter()
            .filter(|lead| lead.program_id == id && lead.customer_key.as_deref() == Some(key))
            .map(|lead| lead.customer_id);
        let first = waiting.next()?;
        if waiting.all(|other| other == first) { self.customer(first) } else { None }
    }

    /// Returns the number of the next new customer.
    pub(crate) fn next_customer_id(&self) -> u64 {
        self.last_customer + 1
    }

    /// Returns whether a customer with this number would be a new one.
    pub(crate) fn is_new_customer(&self, number: u64) -> bool {
        number == self.next_customer_id() || (self.has_gaps && number > self.last_customer)
    }

    /// Returns the `nth` unused id of an event, counted from 1. Sales and commissions count by themselves.
    pub(crate) fn event_id_after(&self, nth: u64) -> u64 {
        self.last_event.saturating_add(nth)
    }

    pub(crate) fn next_sale_id(&self) -> u64 {
        self.last_sale.saturating_add(1)
    }

    pub(crate) fn next_commission_id(&self) -> u64 {
        self.last_commission.saturating_add(1)
    }

    pub(crate) fn sale_of(&self, transaction_id: &str) -> Option<&SaleRecord> {
        self.sales.get(*self.sale_by_transaction.get(transaction_id)?)
    }

    /// Returns whether a test sale has this transaction id.
    pub(crate) fn is_test_transaction(&self, id: &str) -> bool {
        self.test_transactions.contains(id)
    }

    /// Returns the sale of a program that came from Stripe with this id of Stripe's.
    pub(crate) fn sale_of_stripe_id(&self, program: usize, id: &str) -> Option<&SaleRecord> {
        self.sales.get(*self.sale_by_stripe_id.get(&(program, id.to_owned()))?)
    }

    /// Returns how much of a sale this charge has refunded so far. A refund that names no charge counts for each of them.
    pub(crate) fn refunded_by_charge(&self, sale: &SaleRecord, charge: Option<&str>) -> u64 {
        let customer = self.customer(sale.customer_id);
        let refunds = customer.into_iter().flat_map(|customer| &customer.refunds).map(|index| &self.refunds[*index]);
        let (mut total, mut of_charge) = (0, 0);
        for refund in refunds.filter(|refund| refund.transaction_id == sale.transaction_id) {
            if refund.stripe_charge.is_none() || refund.stripe_charge.as_deref() == charge {
                of_charge += refund.refunded_cents - total;
            }
            total = refund.refunded_cents;
        }
        of_charge
    }

    pub(crate) fn commission(&self, id: u64) -> Option<&CommissionRecord> {
        self.commissions.get(*self.commission_by_id.get(&id)?)
    }

    /// Returns an unused click id in the service's format.
    pub(crate) fn fresh_click_id(&self, customer_id: u64, now_ms: i64) -> String {
        (now_ms..)
            .map(|ms| format!("cust_{customer_id}_{ms}"))
            .find(|id| !self.click_by_id.contains_key(id))
            .unwrap_or_default()
    }

    /// Returns the click that is credited with the customer's next sale.
    pub(crate) fn credited_click(&self, customer: &Customer) -> Option<&ClickRecord> {
        match self.programs[customer.program].attribution_model {
            AttributionModel::LastClick => self.last_click(customer),
            AttributionModel::FirstClick => {
                customer.clicks.iter().find_map(|click| self.clicks.get(click)).map(Box::as_ref)
            }
        }
    }

    /// Returns the customer's last click.
    pub(crate) fn last_click(&self, customer: &Customer) -> Option<&ClickRecord> {
        self.clicks.get(customer.clicks.last()?).map(Box::as_ref)
    }

    /// Returns the number of a program's clicks from this time on, including dropped ones.
    pub(crate) fn clicks_since(&self, program: u64, from_ms: i64) -> u64 {
        let kept = self.clicks.values().rev().take_while(|click| click.at_ms >= from_ms);
        let kept = kept.filter(|click| click.program_id == program).count() as u64;
        let minutes = (program, from_ms.div_euclid(limit::MINUTE_MS))..=(program, i64::MAX);
        kept + self.dropped_clicks.range(minutes).map(|(_, count)| count).sum::<u64>()
    }

    /// Returns all leads, including provisional ones, oldest first.
    pub(crate) fn all_leads(&self) -> Vec<LeadRecord> {
        let mut leads: Vec<LeadRecord> = self.leads.iter().chain(&self.provisional).cloned().collect();
        leads.sort_by_key(|lead| lead.id);
        leads
    }

    pub(crate) fn clicks(&self) -> Vec<ClickRecord> {
        self.clicks.values().map(|click| (**click).clone()).collect()
    }

    pub(crate) fn customer_records(&self) -> Vec<CustomerRecord> {
        let record = |customer: &Customer| CustomerRecord {
            customer_id: customer.id,
            program_id: self.programs[customer.program].id,
            customer_key: customer.key.clone(),
            status: customer.status,
            partner_code: self.credited_click(customer).map(|click| click.partner_code.clone()),
            click_ids: customer
                .clicks
                .iter()
                .filter_map(|id| self.clicks.get(id))
                .map(|c| c.click_id.clone())
                .collect(),
        };
        self.customers.values().map(|customer| record(customer)).collect()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            customers: self.customer_records(),
            clicks: self.clicks(),
            leads: self.all_leads(),
            sales: self.sales.clone(),
            commissions: self.commissions.clone(),
            refunds: self.refunds.clone(),
            test_events: self.test_events.iter().cloned().collect(),
            chains: self.chains.iter().copied().collect(),
            double_payments: self.double_payments(),
            memory: self.memory(),
        }
    }
}
