//! What the shop has committed against what the service has recorded.

use std::collections::HashMap;

use affitor_outbox::DeadLetter;
use affitor_sandbox::{ApiCall, RequestRecord, Snapshot};

use crate::shop::{Customer, Refunded};

/// What went wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) out_of_order: u64,
    pub(crate) uncertain: u64,
    /// The first few, in words.
    pub(crate) examples: Vec<String>,
}

impl Judgement {
    pub(crate) fn is_clean(&self) -> bool {
        (self.lost, self.doubled, self.out_of_order) == (0, 0, 0)
    }
}

/// `orders`: those that are committed, and whether their refunds are. `uncertain`: the partial refunds of which the outbox says
/// that it does not know.
pub(crate) fn judge(
    seed: u64,
    orders: &[(u64, bool)],
    held: &Snapshot,
    requests: &[RequestRecord],
    uncertain: &[DeadLetter],
) -> Judgement {
    let mut found = Judgement { uncertain: uncertain.len() as u64, ..Judgement::default() };
    let mut doubtful: HashMap<String, u64> = HashMap::new();
    for letter in uncertain {
        if let Some(affitor::Event::Refund(refund)) = &letter.event {
            *doubtful.entry(refund.transaction_id.clone()).or_default() +=
                refund.refund_amount_cents.unwrap_or_default();
        }
    }
    // When each thing was first recorded.
    let (mut leads, mut sales, mut refunds) = (HashMap::new(), HashMap::new(), HashMap::new());
    for request in requests.iter().filter(|request| request.changed) {
        match (request.call, &request.customer_key, &request.transaction_id) {
            (Some(ApiCall::Lead), Some(key), _) => drop(leads.entry(key.clone()).or_insert(request.number)),
            (Some(ApiCall::Sale), _, Some(id)) => drop(sales.entry(id.clone()).or_insert(request.number)),
            (Some(ApiCall::Refund), _, Some(id)) => drop(refunds.entry(id.clone()).or_insert(request.number)),
            _ => {}
        }
    }
    let mut lead_count: HashMap<&str, u64> = HashMap::new();
    for lead in &held.leads {
        *lead_count.entry(lead.customer_key.as_deref().unwrap_or_default()).or_default() += 1;
    }
    let commissions: HashMap<u64, _> = held.commissions.iter().map(|made| (made.sale_id, made)).collect();
    let held_sales: HashMap<&str, _> = held.sales.iter().map(|sale| (sale.transaction_id.as_str(), sale)).collect();

    for (number, refunded) in orders {
        let customer = Customer::new(seed, *number);
        let (key, id) = (customer.key(), customer.transaction_id());
        match lead_count.get(key.as_str()) {
            // Who has paid can't become a lead any more.
            None if held_sales.contains_key(id.as_str()) => found.misplace(&format!("the sale {id} before its lead")),
            None => found.lose(&format!("the lead of {key}")),
            Some(1) => {}
            Some(_) => found.double(&format!("the lead of {key}")),
        }
        let Some(sale) = held_sales.get(id.as_str()) else {
            found.lose(&format!("the sale {id}"));
            continue;
        };
        if leads.get(&key).zip(sales.get(&id)).is_some_and(|(lead, sale)| lead > sale) {
            found.misplace(&format!("the sale {id} before its lead"));
        }
        let Some(commission) = commissions.get(&sale.sale_id) else {
            found.lose(&format!("the commission of {id}"));
            continue;
        };
        if sale.amount_cents != customer.cents || commission.amount_cents != customer.cents / 5 {
            found.double(&format!("{id} is of {}, not {}", sale.amount_cents, customer.cents));
        }
        let owed = match (&customer.refund, refunded) {
            (Refunded::No, _) | (_, false) => 0,
            (Refunded::All, true) => customer.cents,
            (Refunded::Parts(parts), true) => parts.iter().sum(),
        };
        let doubt = doubtful.get(&id).copied().unwrap_or_default();
        if commission.refunded_cents > owed {
            found.double(&format!("{id}: {} refunded, not {owed}", commission.refunded_cents));
        } else if commission.refunded_cents + doubt < owed {
            found.lose(&format!("{id}: {} refunded, not {owed}", commission.refunded_cents));
        }
        if sales.get(&id).zip(refunds.get(&id)).is_some_and(|(sale, refund)| sale > refund) {
            found.misplace(&format!("the refund of {id} before its sale"));
        }
    }
    // A record without a committed order.
    let committed: std::collections::HashSet<String> = orders
        .iter()
        .map(|(number, _)| Customer { number: *number, ..Customer::new(seed, *number) }.transaction_id())
        .collect();
    for sale in held.sales.iter().filter(|sale| !committed.contains(&sale.transaction_id)) {
        found.lose(&format!("the sale {} has no order", sale.transaction_id));
    }
    found
}

impl Judgement {
    fn note(&mut self, words: String) {
        if self.examples.len() < 10 {
            self.examples.push(words);
        }
    }

    fn lose(&mut self, words: &str) {
        self.lost += 1;
        self.note(format!("lost: {words}"));
    }

    fn double(&mut self, words: &str) {
        self.doubled += 1;
        self.note(format!("doubled: {words}"));
    }

    fn misplace(&mut self, words: &str) {
        self.out_of_order += 1;
        self.note(format!("out of order: {words}"));
    }
}
