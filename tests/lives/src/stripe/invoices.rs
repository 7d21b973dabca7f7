//! Lives with invoices that a shop makes itself. The sale's id is the invoice's.

use serde_json::json;

use super::invoice::Draft;
use super::line::Line;
use super::payments::Movement;
use super::shop::Shop;

/// Creates an open invoice with our metadata. Returns its id, the amount due and the tax.
fn open(shop: &mut Shop<'_>) -> (String, u64, u64) {
    let amount = crate::money::amount(shop.rng, shop.currency);
    let mut draft = Draft::new("manual", vec![Line::item(amount)]);
    draft.tax = crate::money::tax(shop.rng, amount);
    draft.metadata = shop.metadata.json();
    let (due, tax) = (draft.due(), draft.tax);
    let invoice = shop.create_invoice(&draft);
    shop.finalize(&invoice);
    (invoice, due, tax)
}

/// An invoice without subscription.
pub(super) fn manual(shop: &mut Shop<'_>) {
    let (invoice, due, tax) = open(shop);
    let movement = shop.pay(due, &json!({}), Some(&invoice), Some(&invoice));
    shop.mark_paid(&invoice, std::slice::from_ref(&movement));
    shop.expect(&invoice, due, tax, false);
    shop.aftermath(&[movement]);
}

/// An invoice that is paid in two parts.
pub(super) fn two_payments(shop: &mut Shop<'_>) {
    let (invoice, due, tax) = open(shop);
    let first = shop.rng.u64(1..due);
    let movements = [first, due - first].map(|part| shop.pay(part, &json!({}), Some(&invoice), Some(&invoice)));
    shop.mark_paid(&invoice, &movements);
    shop.expect(&invoice, due, tax, false);
    shop.aftermath(&movements);
}

/// Two invoices that one payment pays.
pub(super) fn two_invoices(shop: &mut Shop<'_>) {
    let invoices = [open(shop), open(shop)];
    let sum = invoices.iter().map(|(_, due, _)| due).sum();
    let movement = shop.pay(sum, &json!({}), None, None);
    let sales = invoices.iter().map(|(invoice, due, _)| (invoice.clone(), *due)).collect();
    let movement = Movement { sales, ..movement };
    for (invoice, due, tax) in &invoices {
        shop.mark_paid(invoice, std::slice::from_ref(&movement));
        shop.expect(invoice, *due, *tax, false);
    }
    shop.aftermath(&[movement]);
}

/// An invoice that the customer pays in cash or by a transfer that Stripe doesn't see.
pub(super) fn out_of_band(shop: &mut Shop<'_>) {
    let (invoice, due, tax) = open(shop);
    shop.mark_paid_out_of_band(&invoice, due);
    shop.expect(&invoice, due, tax, false);
}
