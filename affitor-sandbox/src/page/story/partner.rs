//! A partner: what they brought, what they earned, and why.

use std::collections::HashMap;

use super::Money;
use crate::{
    commission::Commission,
    program::PartnerState,
    record::{CommissionRecord, SaleRecord},
    state::State,
};

/// Maximum number of commissions per partner on the page.
const COMMISSIONS: usize = 15;

pub(in crate::page) struct PartnerStory {
    pub code: String,
    pub state: PartnerState,
    pub program_id: u64,
    pub group: String,
    /// Which policy a sale without a product has now.
    pub policy: Option<Commission>,
    /// Landing URL of the partner's last click, without its query, from which a link can be made.
    pub landing: Option<String>,
    pub clicks: u64,
    pub leads: u64,
    pub sales: u64,
    /// Commissions on hold.
    pub held: Money,
    /// Commissions whose hold is over.
    pub payable: Money,
    pub paid: Money,
    /// What was paid, and taken away by refunds afterwards, less what is payable.
    pub overpaid: Money,
    /// What refunds took away.
    pub deducted: Money,
    /// Newest commissions with their sales, newest first.
    pub commissions: Vec<(CommissionRecord, SaleRecord)>,
    /// Number of older commissions that are not shown.
    pub older: u64,
    /// Newest sales without a commission, newest first.
    pub unpaid: Vec<SaleRecord>,
}

impl PartnerStory {
    pub(super) fn all(state: &State) -> Vec<Self> {
        let now_ms = state.clock.now_ms();
        let mut partners: Vec<Self> = state
            .partners
            .iter()
            .map(|partner| {
                let program = &state.programs[partner.program];
                Self {
                    code: partner.code.clone(),
                    state: partner.state,
                    program_id: program.id,
                    group: partner.group.clone(),
                    policy: program.policy_for(&partner.group, None, now_ms),
                    landing: None,
                    clicks: 0,
                    leads: 0,
                    sales: 0,
                    held: Money::default(),
                    payable: Money::default(),
                    paid: Money::default(),
                    overpaid: Money::default(),
                    deducted: Money::default(),
                    commissions: Vec::new(),
                    older: 0,
                    unpaid: Vec::new(),
                }
            })
            .collect();
        let places: HashMap<String, usize> =
            partners.iter().enumerate().map(|(place, partner)| (partner.code.clone(), place)).collect();
        for click in state.clicks.values() {
            if let Some(place) = places.get(&click.partner_code) {
                partners[*place].clicks += 1;
                if !click.affiliate_url.is_empty() {
                    partners[*place].landing = page_of(&click.affiliate_url);
                }
            }
        }
        for customer in state.customers.values().filter(|customer| !customer.leads.is_empty()) {
            let place = state.credited_click(customer).and_then(|click| places.get(&click.partner_code));
            if let Some(place) = place {
                partners[*place].leads += 1;
            }
        }
        for sale in state.sales.iter().rev() {
            let Some(place) = places.get(&sale.partner_code) else { continue };
            partners[*place].add_sale(state, sale, now_ms);
        }
        for partner in &mut partners {
            Money::offset(&mut partner.payable, &mut partner.overpaid);
        }
        partners
    }

    /// Adds a sale. The newest must come first.
    fn add_sale(&mut self, state: &State, sale: &SaleRecord, now_ms: i64) {
        self.sales += 1;
        let Some(commission) = sale.commission_id.and_then(|id| state.commission(id)) else {
            if self.unpaid.len() < COMMISSIONS {
                self.unpaid.push(sale.clone());
            }
            return;
        };
        let balance = commission.balance_cents();
        let sum = if balance < 0 {
            &mut self.overpaid
        } else if commission.held_until_ms > now_ms {
            &mut self.held
        } else {
            &mut self.payable
        };
        if balance != 0 {
            sum.add(&sale.currency, balance.unsigned_abs());
        }
        if commission.paid_cents > 0 {
            self.paid.add(&sale.currency, commission.paid_cents);
        }
        if commission.deducted_cents > 0 {
            self.deducted.add(&sale.currency, commission.deducted_cents);
        }
        if self.commissions.len() < COMMISSIONS {
            self.commissions.push((commission.clone(), sale.clone()));
        } else {
            self.older += 1;
        }
    }
}

/// Returns a URL without its query and fragment.
fn page_of(url: &str) -> Option<String> {
    let mut url = url::Url::parse(url).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}
