//! Changes of the state. A call decides on changes, which are written to the journal and then applied.

mod check;

use serde::{Deserialize, Serialize};

use crate::{
    commission::Commission,
    management::ManagementKey,
    policy::{DEFAULT_GROUP, Terms},
    program::{Partner, PartnerState, Profile, Program, StripeConnection},
    record::{ChainRecord, ClickRecord, CommissionRecord, LeadRecord, RefundRecord, SaleRecord, TestEventRecord},
    secret::{SecretHash, StoredKey},
    state::State,
};

/// A change of the [`State`]. Its JSON is part of a journal line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// A click. The customer is new if their number is the next unused one.
    Click(Box<ClickRecord>),
    /// A lead. A lead that isn't provisional settles the provisional leads with its customer or key.
    Lead(Box<LeadRecord>),
    /// A customer key was assigned to a customer.
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
    /// Readiness checked for the tracker, possibly because the caller forced it.
    TrackerChecked {
        program_id: u64,
        at_ms: i64,
        forced: bool,
    },
    /// New state of a partner.
    Partner {
        code: String,
        state: PartnerState,
    },
    /// A partner was moved to a group.
    Group {
        code: String,
        group: String,
    },
    /// A program got other terms.
    Terms {
        program_id: u64,
        terms: Terms,
    },
    /// The commissions whose hold was over at this time were paid.
    PaidOut {
        program_id: u64,
        at_ms: i64,
    },
    /// New total offset of the clock.
    Clock {
        ahead_ms: i64,
    },
    /// The command line started a login.
    LoginStarted {
        state: String,
        at_ms: i64,
    },
    /// A person confirmed a login.
    LoginConfirmed {
        state: String,
        email: String,
    },
    /// The command line exchanged a confirmed login for a session token.
    SessionStarted {
        state: String,
        token: SecretHash,
        at_ms: i64,
    },
    /// A program was created at run time.
    Program(Box<NewProgram>),
    /// A program got another profile.
    Profile {
        program_id: u64,
        profile: Profile,
    },
    /// A program got a new key.
    KeyRotated {
        program_id: u64,
        api_key: StoredKey,
        at_ms: i64,
    },
    /// A management key was made.
    ManagementKey(Box<ManagementKey>),
    /// A management key was revoked.
    ManagementKeyRevoked {
        id: u64,
    },
    /// A Stripe account was connected to a program.
    StripeConnected {
        program_id: u64,
        connection: StripeConnection,
    },
}

/// A program created at run time, with its first partner. Its other settings are those of the first program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NewProgram {
    pub id: u64,
    pub name: String,
    pub domain: String,
    pub api_key: StoredKey,
    pub commission: Option<Commission>,
    pub cookie_window_days: u32,
    pub partner: String,
    pub at_ms: i64,
}

impl Change {
    /// Returns true if the change records an event.
    pub(crate) fn is_event(&self) -> bool {
        matches!(
            self,
            Self::Click(_)
                | Self::Lead(_)
                | Self::Key { .. }
                | Self::Sale { .. }
                | Self::Refund(_)
                | Self::TestEvent(_)
                | Self::Chain(_)
        )
    }

    /// Returns true if the change needs memory for something that is never dropped.
    pub(crate) fn needs_memory(&self) -> bool {
        matches!(
            self,
            Self::Click(_) | Self::Lead(_) | Self::Key { .. } | Self::Sale { .. } | Self::Refund(_) | Self::Program(_)
        )
    }

    /// Returns the number of the change's customer, and whether the change is a click.
    pub(crate) fn customer(&self) -> Option<(u64, bool)> {
        match self {
            Self::Click(click) => Some((click.customer_id, true)),
            Self::Lead(lead) => Some((lead.customer_id, false)),
            Self::Key { customer_id, .. } => Some((*customer_id, false)),
            Self::Sale { sale, .. } => Some((sale.customer_id, false)),
            _ => None,
        }
    }

    /// Removes the commission of a sale.
    pub(crate) fn lose_commission(&mut self) {
        if let Self::Sale { sale, commission } = self {
            sale.commission_id = None;
            *commission = None;
        }
    }
}

impl State {
    /// Applies a change. A change from a journal must be [checked](Self::problem_with) first.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Click(click) => {
                self.use_event_id(click.id);
                if self.customer_or_new(click.customer_id, click.program_id).is_some() {
                    self.add_click(*click);
                }
            }
            Change::Lead(lead) => self.apply_lead(*lead),
            Change::Key { customer_id, customer_key } => self.bind_key(customer_id, &customer_key),
            Change::Sale { sale, commission } => {
                self.use_event_id(sale.event_id);
                self.settle_by_payment(&sale);
                if let Some(commission) = commission {
                    self.add_commission(commission);
                }
                self.add_sale(*sale);
            }
            Change::Refund(refund) => self.add_refund(*refund),
            Change::TestEvent(event) => {
                self.use_event_id(event.event_id);
                self.add_test_event(event);
            }
            Change::Chain(chain) => {
                self.use_event_id(chain.id);
                self.chains.push_back(chain);
            }
            Change::TrackerFetched { at_ms } => self.tracker_ms = Some(at_ms),
            Change::TrackerChecked { program_id, at_ms, forced } => {
                self.tracker_checks.insert(program_id, (at_ms, self.tracker_ms.is_some()));
                if forced {
                    self.forced_checks_ms.insert(program_id, at_ms);
                }
            }
            Change::Partner { code, state } => {
                if let Some(partner) = self.partner(&code) {
                    self.partners[partner].state = state;
                }
            }
            Change::Group { code, group } => {
                if let Some(partner) = self.partner(&code) {
                    self.partners[partner].group = group;
                }
            }
            Change::Terms { program_id, terms } => self.apply_terms(program_id, terms),
            Change::PaidOut { program_id, at_ms } => self.pay_out(program_id, at_ms),
            Change::Clock { ahead_ms } => self.clock.set_ahead(ahead_ms),
            Change::LoginStarted { state, at_ms } => self.accounts.start_login(state, at_ms),
            Change::LoginConfirmed { state, email } => self.accounts.confirm_login(&state, email),
            Change::SessionStarted { state, token, at_ms } => self.accounts.start_session(&state, token, at_ms),
            Change::Program(new) => self.apply_program(*new),
            Change::Profile { program_id, profile } => {
                if let Some(index) = self.program_index(program_id) {
                    self.programs[index].profile = profile;
                }
            }
            Change::KeyRotated { program_id, api_key, at_ms } => {
                if let Some(index) = self.program_index(program_id) {
                    self.programs[index].api_key = api_key;
                    self.programs[index].key_rotated_ms = Some(at_ms);
                }
            }
            Change::ManagementKey(key) => self.management.add(*key),
            Change::ManagementKeyRevoked { id } => self.management.revoke(id),
            Change::StripeConnected { program_id, connection } => {
                if let Some(index) = self.program_index(program_id) {
                    self.programs[index].stripe = Some(connection);
                }
            }
        }
        self.drop_excess();
    }

    fn apply_lead(&mut self, lead: LeadRecord) {
        self.use_event_id(lead.id);
        if self.customer_or_new(lead.customer_id, lead.program_id).is_none() {
            return;
        }
        if lead.provisional {
            self.add_provisional(lead);
            return;
        }
        // Provisional leads don't assign the key: anyone can send one, with any customer key.
        if let Some(key) = &lead.customer_key {
            self.bind_key(lead.customer_id, key);
        }
        let (program_id, customer_id, key) = (lead.program_id, lead.customer_id, lead.customer_key.clone());
        self.add_lead(lead);
        self.settle_provisional(|waiting| {
            let same_key = key.is_some() && waiting.customer_key == key;
            waiting.program_id == program_id && (waiting.customer_id == customer_id || same_key)
        });
    }

    fn apply_terms(&mut self, program_id: u64, terms: Terms) {
        let Some(index) = self.program_index(program_id) else { return };
        let program = &mut self.programs[index];
        match terms {
            Terms::Policy(policy) => program.policies.push(policy),
            Terms::AttributionModel(model) => program.attribution_model = model,
            Terms::Paused(is_paused) => program.is_paused = is_paused,
        }
    }

    fn apply_program(&mut self, new: NewProgram) {
        let Some(settings) = self.programs.first().cloned() else { return };
        let partner = Partner {
            code: new.partner,
            program: self.programs.len(),
            group: DEFAULT_GROUP.to_owned(),
            state: PartnerState::Active,
            created_ms: Some(new.at_ms),
        };
        self.add_partner(partner);
        self.programs.push(Program {
            id: new.id,
            name: new.name,
            domain: new.domain,
            api_key: new.api_key,
            key_rotated_ms: None,
            created_ms: Some(new.at_ms),
            commission: new.commission,
            policies: Vec::new(),
            is_paused: false,
            cookie_window_days: new.cookie_window_days,
            profile: Profile::default(),
            stripe: None,
            ..settings
        });
    }
}
