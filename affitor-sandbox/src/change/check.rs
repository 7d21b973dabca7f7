//! Checks of changes that were read from a journal, which may belong to another sandbox or have been edited.

use super::Change;
use crate::{clock::MAX_AHEAD_MS, policy::Terms, state::State};

/// Largest id and latest time allowed in a journal.
const MAX_ID: u64 = 1 << 53;
const MAX_MS: i64 = 1 << 53;

impl State {
    /// Returns what is wrong with a change that was read from a journal, which may belong to another sandbox or have been
    /// edited.
    pub(crate) fn problem_with(&self, change: &Change) -> Option<String> {
        out_of_range(change).or_else(|| self.conflict_with(change))
    }

    /// Returns whether a change is of a program that this sandbox does not have.
    pub(crate) fn is_of_other_program(&self, change: &Change) -> bool {
        let program_id = match change {
            Change::Click(click) => click.program_id,
            Change::Lead(lead) => lead.program_id,
            Change::Sale { sale, .. } => sale.program_id,
            Change::Chain(chain) => chain.program_id,
            Change::KeyRotated { program_id, .. }
            | Change::Profile { program_id, .. }
            | Change::Terms { program_id, .. }
            | Change::PaidOut { program_id, .. }
            | Change::StripeConnected { program_id, .. }
            | Change::TrackerChecked { program_id, .. } => *program_id,
            _ => return false,
        };
        self.program_index(program_id).is_none()
    }

    /// Checks a change against the programs, customers, sales and commissions.
    fn conflict_with(&self, change: &Change) -> Option<String> {
        let program = |id: u64| self.program_index(id).is_none().then(|| format!("there is no program {id}"));
        let customer = |id: u64, may_be_new: bool| {
            let known = self.customer(id).is_some() || (may_be_new && self.is_new_customer(id));
            (!known).then(|| format!("there is no customer {id}"))
        };
        match change {
            Change::Click(click) => program(click.program_id).or_else(|| customer(click.customer_id, true)),
            Change::Lead(lead) => program(lead.program_id).or_else(|| customer(lead.customer_id, true)),
            Change::Key { customer_id, .. } => customer(*customer_id, false),
            Change::Sale { sale, commission } => program(sale.program_id)
                .or_else(|| customer(sale.customer_id, false))
                .or_else(|| {
                    let duplicate = self.sale_of(&sale.transaction_id).is_some();
                    duplicate.then(|| format!("the sale {:?} exists twice", sale.transaction_id))
                })
                .or_else(|| {
                    let invalid = commission.as_ref().is_some_and(|commission| {
                        sale.commission_id != Some(commission.commission_id)
                            || commission.deducted_cents > commission.amount_cents
                            || commission.paid_cents > commission.amount_cents
                    });
                    invalid.then(|| format!("the sale {:?} has an invalid commission", sale.transaction_id))
                }),
            Change::Refund(refund) => match self.commission(refund.commission_id) {
                None => Some(format!("there is no commission {}", refund.commission_id)),
                Some(commission) => {
                    let too_much = refund.deduction_cents > commission.amount_cents - commission.deducted_cents;
                    too_much.then(|| format!("a refund exceeds the commission {}", refund.commission_id))
                }
            },
            Change::Chain(chain) => program(chain.program_id),
            Change::KeyRotated { program_id, .. }
            | Change::Profile { program_id, .. }
            | Change::Terms { program_id, .. }
            | Change::PaidOut { program_id, .. }
            | Change::StripeConnected { program_id, .. }
            | Change::TrackerChecked { program_id, .. } => program(*program_id),
            Change::Program(new) => {
                let taken = self.program_index(new.id).is_some() || self.partner(&new.partner).is_some();
                taken.then(|| format!("the program {} or its partner exists twice", new.id))
            }
            Change::TestEvent(_)
            | Change::TrackerFetched { .. }
            | Change::Partner { .. }
            | Change::Group { .. }
            | Change::ManagementKey(_)
            | Change::ManagementKeyRevoked { .. }
            | Change::Clock { .. }
            | Change::LoginStarted { .. }
            | Change::LoginConfirmed { .. }
            | Change::SessionStarted { .. } => None,
        }
    }
}

/// Checks the id and the time of a change. The limits are far from the ends of their types, so sums can't overflow.
fn out_of_range(change: &Change) -> Option<String> {
    let check = |id: u64, at_ms: i64| {
        let invalid = id > MAX_ID || !(0..=MAX_MS).contains(&at_ms);
        invalid.then(|| format!("the id {id} or the time {at_ms} is out of range"))
    };
    match change {
        Change::Click(click) => check(click.id, click.at_ms),
        Change::Lead(lead) => check(lead.id, lead.at_ms),
        Change::Sale { sale, commission } => check(sale.sale_id.max(sale.event_id), sale.at_ms).or_else(|| {
            commission.as_ref().and_then(|commission| check(commission.commission_id, commission.held_until_ms))
        }),
        Change::Refund(refund) => check(0, refund.at_ms),
        Change::TestEvent(event) => check(event.event_id, event.at_ms),
        Change::Chain(chain) => check(chain.id, chain.at_ms),
        Change::TrackerFetched { at_ms } | Change::TrackerChecked { at_ms, .. } => check(0, *at_ms),
        Change::Clock { ahead_ms } => {
            (!(0..=MAX_AHEAD_MS).contains(ahead_ms)).then(|| "the offset of the clock is out of range".to_owned())
        }
        Change::LoginStarted { at_ms, .. }
        | Change::SessionStarted { at_ms, .. }
        | Change::PaidOut { at_ms, .. }
        | Change::KeyRotated { at_ms, .. } => check(0, *at_ms),
        Change::Program(new) => check(new.id, new.at_ms),
        Change::ManagementKey(key) => check(key.id, 0),
        Change::StripeConnected { connection, .. } => check(0, connection.connected_ms),
        Change::Terms { terms: Terms::Policy(policy), .. } => check(0, policy.starts_ms.unwrap_or_default()),
        Change::Key { .. }
        | Change::Partner { .. }
        | Change::Group { .. }
        | Change::Terms { .. }
        | Change::ManagementKeyRevoked { .. }
        | Change::Profile { .. }
        | Change::LoginConfirmed { .. } => None,
    }
}
