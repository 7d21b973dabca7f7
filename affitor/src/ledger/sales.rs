//! Which sales there are: from the kind of each payment, never from the order in which its reports arrive.

use std::collections::BTreeMap;

use super::{
    Facts,
    object::{Attribution, Details, Object, Paid},
};

/// What a sale is, which decides its transaction id and its amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Form {
    /// A one-time Checkout payment, under its payment intent.
    Checkout,
    /// A bill: an invoice, an order or a transaction, under its own id.
    Bill,
    /// A payment intent that belongs to neither, under its own id.
    Intent,
}

impl Form {
    /// Name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Bill => "bill",
            Self::Intent => "intent",
        }
    }
}

/// A sale that the facts show.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) transaction_id: &'a str,
    pub(super) form: Form,
    pub(super) paid: Option<&'a Paid>,
    pub(super) attribution: Attribution,
    /// The subscription or customer from which it inherits.
    pub(super) source: Option<&'a str>,
    pub(super) details: Details,
    /// The movements that paid it, each with the amount that it paid.
    pub(super) movements: Vec<(&'a str, Option<u64>)>,
    /// Fee that the shop keeps, if the money goes to a connected account.
    pub(super) fee_cents: Option<u64>,
    /// Whether another report may show that it is a part of another sale.
    pub(super) may_be_another: bool,
    /// The sale under which its money is counted already.
    pub(super) counted_as: Option<&'a str>,
    /// Whether its money was reported under two transaction ids.
    pub(super) is_doubled: bool,
}

/// The sales of a group of payments. `is_reported` says whether a transaction id was reported before.
pub(super) fn sales<'a>(facts: &'a Facts, is_reported: impl Fn(&str) -> bool) -> Vec<Candidate<'a>> {
    let mut allocations: BTreeMap<&str, Vec<(&str, Option<u64>)>> = BTreeMap::new();
    for (_, object) in facts.iter() {
        if let Object::Allocation(allocation) = object {
            allocations.entry(&allocation.bill).or_default().push((&allocation.movement, allocation.cents));
        }
    }
    let mut sales = Vec::new();
    // The movements of one-time Checkout payments, and the invoices that were made for them.
    let (mut checkout_movements, mut checkout_bills) = (BTreeMap::new(), BTreeMap::new());
    for (_, object) in facts.iter() {
        let Object::Checkout(checkout) = object else { continue };
        let Some(movement) = checkout.movement.as_deref().filter(|_| checkout.one_time) else { continue };
        checkout_movements.insert(movement, ());
        if let Some(bill) = checkout.bill.as_deref() {
            checkout_bills.insert(bill, movement);
        }
        let intent = intent(facts, movement);
        sales.push(Candidate {
            transaction_id: movement,
            form: Form::Checkout,
            // A session whose payment is captured manually is never reported as paid.
            paid: checkout.paid.as_ref().or(intent.and_then(|intent| intent.paid.as_ref())),
            attribution: match intent {
                Some(intent) => checkout.attribution.clone().or(&intent.attribution),
                None => checkout.attribution.clone(),
            },
            source: None,
            details: Details::default(),
            movements: vec![(movement, checkout.paid.as_ref().map(|paid| paid.cents))],
            fee_cents: intent.and_then(|intent| intent.fee_cents),
            may_be_another: checkout.paid.is_none(),
            counted_as: None,
            is_doubled: false,
        });
    }
    for (id, object) in facts.iter() {
        match object {
            Object::Bill(bill) => {
                let movements = allocations.get(id).cloned().unwrap_or_default();
                let checkout = checkout_bills
                    .get(id)
                    .or_else(|| {
                        movements.iter().find_map(|(movement, _)| Some(checkout_movements.get_key_value(movement)?.0))
                    })
                    .copied();
                sales.push(Candidate {
                    transaction_id: id,
                    form: Form::Bill,
                    paid: bill.paid.as_ref(),
                    attribution: bill.attribution.clone(),
                    source: bill.source.as_deref(),
                    details: bill.details.clone(),
                    fee_cents: movements
                        .iter()
                        .filter_map(|(movement, _)| intent(facts, movement)?.fee_cents)
                        .reduce(u64::saturating_add),
                    movements: if movements.is_empty() { vec![(id, None)] } else { movements },
                    may_be_another: bill.may_repeat_checkout,
                    counted_as: checkout,
                    is_doubled: false,
                });
            }
            Object::Intent(intent) if !checkout_movements.contains_key(id) => sales.push(Candidate {
                transaction_id: id,
                form: Form::Intent,
                paid: intent.paid.as_ref(),
                attribution: intent.attribution.clone(),
                source: None,
                details: Details::default(),
                movements: vec![(id, None)],
                fee_cents: intent.fee_cents,
                may_be_another: true,
                counted_as: allocations
                    .iter()
                    .find(|(_, movements)| movements.iter().any(|(movement, _)| *movement == id))
                    .map(|(bill, _)| *bill),
                is_doubled: false,
            }),
            _ => {}
        }
    }
    keep_reported(&mut sales, is_reported);
    inherit_from_parts(&mut sales);
    sales
}

/// A sale inherits what its own attribution lacks from the objects that are counted with it.
fn inherit_from_parts(sales: &mut [Candidate<'_>]) {
    for part in 0..sales.len() {
        let Some(whole) = sales[part].counted_as else { continue };
        let (attribution, source) = (sales[part].attribution.clone(), sales[part].source);
        for sale in sales.iter_mut().filter(|sale| sale.transaction_id == whole) {
            sale.attribution = std::mem::take(&mut sale.attribution).or(&attribution);
            sale.source = sale.source.or(source);
        }
    }
}

fn intent<'a>(facts: &'a Facts, id: &str) -> Option<&'a super::object::Intent> {
    match facts.get(id)? {
        Object::Intent(intent) => Some(intent),
        _ => None,
    }
}

/// What was reported stays a sale, even if a later report shows that another id would have been right.
fn keep_reported(sales: &mut [Candidate<'_>], is_reported: impl Fn(&str) -> bool) {
    for part in 0..sales.len() {
        let Some(whole) = sales[part].counted_as else { continue };
        if !is_reported(sales[part].transaction_id) {
            continue;
        }
        let transaction_id = sales[part].transaction_id;
        sales[part].counted_as = None;
        if is_reported(whole) {
            sales[part].is_doubled = true;
            continue;
        }
        // Refunds of the whole are refunds of the part.
        let mut movements = vec![];
        for sale in sales.iter_mut().filter(|sale| sale.transaction_id == whole) {
            sale.counted_as = Some(transaction_id);
            movements.clone_from(&sale.movements);
        }
        movements.retain(|(movement, _)| sales[part].movements.iter().all(|(known, _)| known != movement));
        sales[part].movements.extend(movements);
    }
    // Parts of a sale that is itself counted under another id follow it.
    for part in 0..sales.len() {
        let Some(whole) = sales[part].counted_as else { continue };
        let next = sales.iter().find(|sale| sale.transaction_id == whole).and_then(|sale| sale.counted_as);
        if let Some(next) = next.filter(|next| *next != sales[part].transaction_id) {
            sales[part].counted_as = Some(next);
        }
    }
}
