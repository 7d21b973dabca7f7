//! Compares what was reported with what the model expects.

use std::collections::BTreeMap;

use affitor::Event;
use shop_lives::Life;

/// What was reported about a transaction: the amount of the sale, how often it was reported, and the sum of its refunds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// How often the sale was reported.
    pub sales: usize,
    /// Amount of all its reports, in the currency's smallest unit.
    pub cents: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// Who has paid.
    pub customer_key: Option<String>,
    /// Sum of the refunds, in the currency's smallest unit.
    pub refunded: u64,
}

/// Sums up events by transaction id.
pub fn reported<'a>(events: impl IntoIterator<Item = &'a Event>) -> BTreeMap<String, Reported> {
    let mut all = BTreeMap::<String, Reported>::new();
    let events: Vec<&Event> = events.into_iter().collect();
    for event in &events {
        if let Event::Sale(sale) = event {
            let reported = all.entry(sale.transaction_id.clone()).or_default();
            reported.sales += 1;
            reported.cents += sale.amount_cents;
            reported.currency = sale.currency.to_string();
            reported.customer_key.clone_from(&sale.customer_key);
        }
    }
    for event in &events {
        if let Event::Refund(refund) = event {
            let reported = all.entry(refund.transaction_id.clone()).or_default();
            reported.refunded += refund.refund_amount_cents.unwrap_or(reported.cents);
        }
    }
    all
}

/// Returns what the model expects.
pub fn expected<'a>(lives: impl IntoIterator<Item = &'a Life>) -> BTreeMap<String, Reported> {
    let sales = lives.into_iter().flat_map(|life| &life.sales);
    sales
        .map(|sale| {
            let reported = Reported {
                sales: 1,
                cents: sale.amount_cents,
                currency: sale.currency.clone(),
                customer_key: Some(sale.customer_key.clone()),
                refunded: sale.refunded_cents,
            };
            (sale.transaction_id.clone(), reported)
        })
        .collect()
}

/// Returns the differences as text, or `None` if there are none.
pub fn differences(reported: &BTreeMap<String, Reported>, expected: &BTreeMap<String, Reported>) -> Option<String> {
    let mut text = String::new();
    let ids: std::collections::BTreeSet<&String> = reported.keys().chain(expected.keys()).collect();
    for id in ids {
        let (reported, expected) = (reported.get(id), expected.get(id));
        if reported != expected {
            text += &format!("{id}\n  reported {reported:?}\n  expected {expected:?}\n");
        }
    }
    Some(text).filter(|text| !text.is_empty())
}
