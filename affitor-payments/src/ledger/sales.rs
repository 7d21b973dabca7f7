//! Which sales there are: from the kind of each payment, never from the order in which its reports arrive.

use std::collections::BTreeMap;

use super::{
    attribution::Attribution,
    facts::Facts,
    lines::Lines,
    object::{Details, Object, Paid},
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
    pub(super) paid: Option<Paid>,
    pub(super) attribution: Attribution,
    /// What counts if nothing else says who it belongs to.
    pub(super) fallback: Attribution,
    /// The subscription from which it inherits.
    pub(super) source: Option<&'a str>,
    /// The customer, who names it if nothing else does.
    pub(super) customer: Option<&'a str>,
    pub(super) details: Details,
    pub(super) lines: Option<&'a Lines>,
    /// The movements that paid it, each with the amount that it paid.
    pub(super) movements: Vec<(&'a str, Option<u64>)>,
    /// Fee that the shop keeps, if the money goes to a connected account.
    pub(super) fee_cents: Option<u64>,
    /// Whether a payment intent may still say that there is such a fee.
    pub(super) may_have_fee: bool,
    /// Whether another report may show that it is a part of another sale.
    pub(super) may_be_another: bool,
    /// The sale under which its money is counted already.
    pub(super) counted_as: Option<&'a str>,
    /// Other sales that its money pays, and that inherit its attribution.
    pub(super) also: Vec<&'a str>,
    /// Whether its amounts contradict each other.
    pub(super) contradicts: bool,
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
            attribution: match intent {
                Some(intent) => checkout.attribution.clone().or(&intent.attribution),
                None => checkout.attribution.clone(),
            },
            details: Details {
                product_id: checkout.product_id.clone().or_else(|| intent?.product_id.clone()),
                ..Details::default()
            },
            lines: checkout.lines.as_ref(),
            fee_cents: intent.and_then(|intent| intent.fee_cents),
            may_have_fee: intent.is_none(),
            may_be_another: checkout.paid.is_none(),
            ..Candidate::new(movement, Form::Checkout, paid_at_checkout(checkout, intent), vec![(movement, None)])
        });
        // An invoice that was reported, and of which nothing else is known.
        let is_reported_bill = |bill: &&str| facts.get(bill).is_none() && is_reported(bill) && !is_reported(movement);
        if let Some(bill) = checkout.bill.as_deref().filter(is_reported_bill) {
            let paid = paid_at_checkout(checkout, intent);
            sales.push(Candidate {
                counted_as: Some(movement),
                ..Candidate::new(bill, Form::Bill, paid, vec![(movement, None)])
            });
        }
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
                    attribution: bill.attribution.clone(),
                    fallback: bill.fallback.clone(),
                    source: bill.source.as_deref(),
                    customer: bill.customer.as_deref(),
                    details: bill.details.clone(),
                    lines: bill.lines.as_ref(),
                    fee_cents: movements
                        .iter()
                        .filter_map(|(movement, _)| intent(facts, movement)?.fee_cents)
                        .reduce(u64::saturating_add),
                    may_have_fee: movements.iter().all(|(movement, _)| intent(facts, movement).is_none()),
                    may_be_another: bill.may_repeat_checkout,
                    contradicts: bill.contradicts,
                    counted_as: checkout,
                    ..Candidate::new(
                        id,
                        Form::Bill,
                        bill.paid.clone(),
                        if movements.is_empty() { vec![(id, None)] } else { movements },
                    )
                });
            }
            Object::Intent(intent) if !checkout_movements.contains_key(id) => {
                let mut bills = allocations
                    .iter()
                    .filter(|(_, movements)| movements.iter().any(|(movement, _)| *movement == id))
                    .map(|(bill, _)| *bill);
                sales.push(Candidate {
                    attribution: intent.attribution.clone(),
                    details: Details { product_id: intent.product_id.clone(), ..Details::default() },
                    fee_cents: intent.fee_cents,
                    may_be_another: true,
                    counted_as: bills.next(),
                    also: bills.collect(),
                    ..Candidate::new(id, Form::Intent, intent.paid.clone(), vec![(id, None)])
                });
            }
            _ => {}
        }
    }
    keep_reported(&mut sales, is_reported);
    inherit_from_parts(&mut sales);
    sales
}

impl<'a> Candidate<'a> {
    /// Creates a candidate without an attribution.
    pub(super) fn new(id: &'a str, form: Form, paid: Option<Paid>, movements: Vec<(&'a str, Option<u64>)>) -> Self {
        Self {
            transaction_id: id,
            form,
            paid,
            attribution: Attribution::default(),
            fallback: Attribution::default(),
            source: None,
            customer: None,
            details: Details::default(),
            lines: None,
            movements,
            fee_cents: None,
            may_have_fee: false,
            may_be_another: false,
            counted_as: None,
            also: vec![],
            contradicts: false,
            is_doubled: false,
        }
    }
}

/// What was paid at a Checkout. A session whose payment is captured manually is never reported as paid, and may be captured in part.
fn paid_at_checkout(checkout: &super::object::Checkout, intent: Option<&super::object::Intent>) -> Option<Paid> {
    let received = intent.and_then(|intent| intent.paid.as_ref());
    match (&checkout.paid, received) {
        (Some(paid), Some(received)) if received.currency == paid.currency => {
            Some(Paid { cents: paid.cents.min(received.cents), ..paid.clone() })
        }
        (Some(paid), _) => Some(paid.clone()),
        (None, Some(received)) => {
            Some(Paid { without_tax: received.without_tax.or(checkout.without_tax), ..received.clone() })
        }
        (None, None) => None,
    }
}

/// A sale inherits what its own attribution lacks from the objects that are counted with it.
fn inherit_from_parts(sales: &mut [Candidate<'_>]) {
    for part in 0..sales.len() {
        let Some(whole) = sales[part].counted_as else { continue };
        let (attribution, source, also) =
            (sales[part].attribution.clone(), sales[part].source, sales[part].also.clone());
        let is_whole = |sale: &&mut Candidate<'_>| sale.transaction_id == whole || also.contains(&sale.transaction_id);
        for sale in sales.iter_mut().filter(is_whole) {
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
