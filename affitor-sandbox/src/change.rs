//! What can change, and how: a call decides on changes, which are written to the journal and then applied.

use serde::{Deserialize, Serialize};

use crate::{
    PartnerState,
    clock::AHEAD_MOST_MS,
    record::{
        ChainRecord, ClickRecord, CommissionRecord, CustomerStatus, LeadRecord, RefundRecord, SaleRecord,
        TestEventRecord,
    },
    state::State,
};

/// The largest id and the latest time that a journal may hold.
const MOST_ID: u64 = 1 << 53;
const MOST_MS: i64 = 1 << 53;

/// A change of the [`State`]. Its JSON is a part of a journal's line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// A click; of a new customer where the number is the next one.
    Click(Box<ClickRecord>),
    /// A lead. One that is not provisional settles the provisional ones of its customer and key.
    Lead(Box<LeadRecord>),
    /// A customer got the shop's own id.
    Key {
        customer_id: u64,
        customer_key: String,
    },
    Sale {
        sale: Box<SaleRecord>,
        commission: Option<CommissionRecord>,
    },
    Refund(Box<RefundRecord>),
    TestEvent(TestEventRecord),
    Chain(ChainRecord),
    /// A page fetched the tracker script.
    TrackerFetched {
        at_ms: i64,
    },
    /// Readiness looked for the tracker, or was made to look.
    TrackerChecked {
        at_ms: i64,
        forced: bool,
    },
    /// A partner's standing.
    Partner {
        code: String,
        state: PartnerState,
    },
    /// How far the clock is ahead, in all.
    Clock {
        ahead_ms: i64,
    },
}

impl Change {
    /// Whether it is more than a note of who has looked at what.
    pub(crate) fn is_event(&self) -> bool {
        !matches!(self, Self::TrackerFetched { .. } | Self::TrackerChecked { .. })
    }

    /// Leaves a sale without its commission.
    pub(crate) fn lose_commission(&mut self) {
        if let Self::Sale { sale, commission } = self {
            sale.commission_id = None;
            *commission = None;
        }
    }
}

impl State {
    /// Why a change can't be: it is not from this sandbox, or was edited by hand.
    pub(crate) fn refuses(&self, change: &Change) -> Option<String> {
        let program = |id: u64| self.program_place(id).is_none().then(|| format!("there is no program {id}"));
        let customer = |id: u64, may_be_new: bool| {
            let most = self.customers.len() as u64 + u64::from(may_be_new);
            (id == 0 || id > most).then(|| format!("there is no customer {id}"))
        };
        // Far from both ends, so that sums of them stay in bounds; the service's clock starts in 1970 and is moved ahead.
        let bounds = |id: u64, at_ms: i64| {
            let strange = id > MOST_ID || !(0..=MOST_MS).contains(&at_ms);
            strange.then(|| format!("the id {id} or the time {at_ms} can't be"))
        };
        let bounds = match change {
            Change::Click(click) => bounds(click.id, click.at_ms),
            Change::Lead(lead) => bounds(lead.id, lead.at_ms),
            Change::Sale { sale, commission } => bounds(sale.sale_id, sale.at_ms)
                .or_else(|| commission.as_ref().and_then(|made| bounds(made.commission_id, made.held_until_ms))),
            Change::Refund(refund) => bounds(0, refund.at_ms),
            Change::TestEvent(event) => bounds(event.event_id, event.at_ms),
            Change::Chain(chain) => bounds(chain.id, chain.at_ms),
            Change::TrackerFetched { at_ms } | Change::TrackerChecked { at_ms, .. } => bounds(0, *at_ms),
            Change::Key { .. } | Change::Partner { .. } | Change::Clock { .. } => None,
        };
        if bounds.is_some() {
            return bounds;
        }
        match change {
            Change::Click(click) => program(click.program_id).or_else(|| customer(click.customer_id, true)),
            Change::Lead(lead) => program(lead.program_id).or_else(|| customer(lead.customer_id, true)),
            Change::Key { customer_id, .. } => customer(*customer_id, false),
            Change::Sale { sale, commission } => program(sale.program_id)
                .or_else(|| customer(sale.customer_id, false))
                .or_else(|| {
                    let twice = self.sale_of(&sale.transaction_id).is_some();
                    twice.then(|| format!("the sale {:?} is there twice", sale.transaction_id))
                })
                .or_else(|| {
                    let strange = commission.as_ref().is_some_and(|made| {
                        sale.commission_id != Some(made.commission_id) || made.deducted_cents > made.amount_cents
                    });
                    strange.then(|| format!("the commission of {:?} is not its own", sale.transaction_id))
                }),
            Change::Refund(refund) => match self.commission(refund.commission_id) {
                None => Some(format!("there is no commission {}", refund.commission_id)),
                Some(commission) => {
                    let too_much = refund.deduction_cents > commission.amount_cents - commission.deducted_cents;
                    too_much.then(|| format!("more is taken back of commission {} than it is", refund.commission_id))
                }
            },
            Change::Chain(chain) => program(chain.program_id),
            Change::Clock { ahead_ms } => {
                (!(0..=AHEAD_MOST_MS).contains(ahead_ms)).then(|| "the clock is out of its bounds".to_owned())
            }
            Change::TestEvent(_)
            | Change::TrackerFetched { .. }
            | Change::TrackerChecked { .. }
            | Change::Partner { .. } => None,
        }
    }

    /// Makes a change that is not [refused](Self::refuses).
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Click(click) => {
                self.use_id(click.id);
                if let Some(customer) = self.customer_or_new(click.customer_id, click.program_id) {
                    self.add_click(customer, *click);
                }
            }
            Change::Lead(lead) => self.apply_lead(*lead),
            Change::Key { customer_id, customer_key } => {
                if let Some(customer) = self.customer_place(customer_id) {
                    self.bind_key(customer, &customer_key);
                }
            }
            Change::Sale { sale, commission } => {
                self.use_id(sale.sale_id);
                if let Some(commission) = commission {
                    self.use_id(commission.commission_id);
                    self.add_commission(commission);
                }
                self.add_sale(*sale);
            }
            Change::Refund(refund) => {
                if let Some(commission) = self.commission_mut(refund.commission_id) {
                    commission.refunded_cents = refund.refunded_cents;
                    commission.deducted_cents += refund.deduction_cents;
                    commission.status = refund.status;
                }
                self.add_refund(*refund);
            }
            Change::TestEvent(event) => {
                self.use_id(event.event_id);
                self.test_events.push(event);
            }
            Change::Chain(chain) => {
                self.use_id(chain.id);
                self.chains.push(chain);
            }
            Change::TrackerFetched { at_ms } => self.tracker_ms = Some(at_ms),
            Change::TrackerChecked { at_ms, forced } => {
                self.tracker_check = Some((at_ms, self.tracker_ms.is_some()));
                if forced {
                    self.forced_check_ms = Some(at_ms);
                }
            }
            Change::Partner { code, state } => {
                if let Some(partner) = self.partner(&code) {
                    self.partners[partner].state = state;
                }
            }
            Change::Clock { ahead_ms } => self.clock.set_ahead(ahead_ms),
        }
    }

    fn apply_lead(&mut self, lead: LeadRecord) {
        self.use_id(lead.id);
        let Some(customer) = self.customer_or_new(lead.customer_id, lead.program_id) else { return };
        if lead.provisional {
            self.provisional.retain(|waiting| {
                (waiting.customer_id, &waiting.customer_key) != (lead.customer_id, &lead.customer_key)
            });
            self.touched(customer);
            self.provisional.push(lead);
            return;
        }
        // Only now: anybody can send a provisional lead, under any customer key.
        if let Some(key) = &lead.customer_key {
            self.bind_key(customer, key);
        }
        self.provisional.retain(|waiting| {
            let same_key = lead.customer_key.is_some() && waiting.customer_key == lead.customer_key;
            !(waiting.program_id == lead.program_id && (waiting.customer_id == lead.customer_id || same_key))
        });
        let reached = &mut self.customers[customer].status;
        *reached = (*reached).max(CustomerStatus::Lead);
        self.add_lead(customer, lead);
    }
}
