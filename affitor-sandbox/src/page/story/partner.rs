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
        let mut partners: Vec<Self> = state
            .partners
            .iter()
            .map(|partner| {
                let program = &state.programs[partner.program];
                Self {
                    code: partner.code.clone(),
                    state: partner.state,
                    program_id: program.id,
                    policy: program.commission,
                    landing: None,
                    clicks: 0,
                    leads: 0,
                    sales: 0,
                    held: Money::default(),
                    payable: Money::default(),
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
            let place = state.last_click(customer).and_then(|click| places.get(&click.partner_code));
            if let Some(place) = place {
                partners[*place].leads += 1;
            }
        }
        let now_ms = state.clock.now_ms();
        for sale in state.sales.iter().rev() {
            let Some(place) = places.get(&sale.partner_code) else { continue };
            partners[*place].add_sale(state, sale, now_ms);
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
        let left = commission.amount_cents - commission.deducted_cents;
        let sum = if commission.held_until_ms > now_ms { &mut self.held } else { &mut self.payable };
        if left > 0 {
            sum.add(&sale.currency, left);
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
