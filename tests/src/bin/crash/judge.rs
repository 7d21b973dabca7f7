//! Compares what the shop has committed with what the service has recorded.

use std::collections::HashMap;

use affitor_outbox::DeadLetter;
use affitor_sandbox::{ApiCall, RequestRecord, Snapshot};

use crate::shop::{Customer, RefundPlan};

/// Number of errors of each kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) out_of_order: u64,
    pub(crate) uncertain: u64,
    /// Descriptions of the first ten errors.
    pub(crate) examples: Vec<String>,
}

impl Judgement {
    pub(crate) fn is_clean(&self) -> bool {
        (self.lost, self.doubled, self.out_of_order) == (0, 0, 0)
    }
}

/// Compares both sides. `orders` are the committed orders, each with whether its refunds are committed. `uncertain` are the
/// partial refunds that the outbox reports as uncertain.
pub(crate) fn judge(
    seed: u64,
    orders: &[(u64, bool)],
    snapshot: &Snapshot,
    requests: &[RequestRecord],
    uncertain: &[DeadLetter],
) -> Judgement {
    let mut judgement = Judgement { uncertain: uncertain.len() as u64, ..Judgement::default() };
    let mut uncertain_cents: HashMap<String, u64> = HashMap::new();
    for letter in uncertain {
        if let Some(affitor::Event::Refund(refund)) = &letter.event {
            *uncertain_cents.entry(refund.transaction_id.clone()).or_default() +=
                refund.refund_amount_cents.unwrap_or_default();
        }
    }
    // The number of the request that first recorded each event.
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
    for lead in &snapshot.leads {
        *lead_count.entry(lead.customer_key.as_deref().unwrap_or_default()).or_default() += 1;
    }
    let commissions: HashMap<u64, _> =
        snapshot.commissions.iter().map(|commission| (commission.sale_id, commission)).collect();
    let recorded_sales: HashMap<&str, _> =
        snapshot.sales.iter().map(|sale| (sale.transaction_id.as_str(), sale)).collect();

    for (number, refunded) in orders {
        let customer = Customer::new(seed, *number);
        let (key, id) = (customer.key(), customer.transaction_id());
        match lead_count.get(key.as_str()) {
            // A customer who has paid can't become a lead any more.
            None if recorded_sales.contains_key(id.as_str()) => {
                judgement.add_out_of_order(&format!("the sale {id} came before its lead"));
            }
            None => judgement.add_lost(&format!("the lead of {key}")),
            Some(1) => {}
            Some(_) => judgement.add_doubled(&format!("the lead of {key}")),
        }
        let Some(sale) = recorded_sales.get(id.as_str()) else {
            judgement.add_lost(&format!("the sale {id}"));
            continue;
        };
        if leads.get(&key).zip(sales.get(&id)).is_some_and(|(lead, sale)| lead > sale) {
            judgement.add_out_of_order(&format!("the sale {id} came before its lead"));
        }
        let Some(commission) = commissions.get(&sale.sale_id) else {
            judgement.add_lost(&format!("the commission of {id}"));
            continue;
        };
        if sale.amount_cents != customer.cents || commission.amount_cents != customer.cents / 5 {
            judgement
                .add_doubled(&format!("the sale {id} has {} cents instead of {}", sale.amount_cents, customer.cents));
        }
        let expected = match (&customer.refund, refunded) {
            (RefundPlan::No, _) | (_, false) => 0,
            (RefundPlan::All, true) => customer.cents,
            (RefundPlan::Parts(parts), true) => parts.iter().sum(),
        };
        let uncertain = uncertain_cents.get(&id).copied().unwrap_or_default();
        if commission.refunded_cents > expected {
            judgement.add_doubled(&format!("{id}: {} cents refunded instead of {expected}", commission.refunded_cents));
        } else if commission.refunded_cents + uncertain < expected {
            judgement.add_lost(&format!("{id}: {} cents refunded instead of {expected}", commission.refunded_cents));
        }
        if sales.get(&id).zip(refunds.get(&id)).is_some_and(|(sale, refund)| sale > refund) {
            judgement.add_out_of_order(&format!("the refund of {id} came before its sale"));
        }
    }
    // Sales without a committed order.
    let committed: std::collections::HashSet<String> = orders
        .iter()
        .map(|(number, _)| Customer { number: *number, ..Customer::new(seed, *number) }.transaction_id())
        .collect();
    for sale in snapshot.sales.iter().filter(|sale| !committed.contains(&sale.transaction_id)) {
        judgement.add_lost(&format!("the sale {} has no committed order", sale.transaction_id));
    }
    judgement
}

impl Judgement {
    fn add_example(&mut self, example: String) {
        if self.examples.len() < 10 {
            self.examples.push(example);
        }
    }

    fn add_lost(&mut self, what: &str) {
        self.lost += 1;
        self.add_example(format!("lost: {what}"));
    }

    fn add_doubled(&mut self, what: &str) {
        self.doubled += 1;
        self.add_example(format!("doubled: {what}"));
    }

    fn add_out_of_order(&mut self, what: &str) {
        self.out_of_order += 1;
        self.add_example(format!("out of order: {what}"));
    }
}
