//! Lives with a one-time Checkout payment. The sale's id is the payment intent's.

use serde_json::{Value, json};

use super::invoice::Draft;
use super::line::Line;
use super::payments::Movement;
use super::session::Sold;
use super::shop::Shop;

/// Amount and tax of a one-time payment.
struct Price {
    amount: u64,
    tax: u64,
}

fn price(shop: &mut Shop<'_>) -> Price {
    let amount = crate::money::amount(shop.rng, shop.currency);
    Price { amount, tax: crate::money::tax(shop.rng, amount) }
}

/// Metadata of the payment intent: ours, if the shop also sets `payment_intent_data`.
fn intent_metadata(shop: &mut Shop<'_>) -> Value {
    if shop.rng.bool() { shop.metadata.json() } else { json!({}) }
}

fn sold<'a>(price: &Price, status: &'a str, intent: &'a str) -> Sold<'a> {
    Sold {
        mode: "payment",
        amount: price.amount,
        tax: price.tax,
        payment_status: status,
        intent: Some(intent),
        invoice: None,
        subscription: None,
        invoice_creation: None,
    }
}

/// A card payment that succeeds at once.
pub(super) fn one_time(shop: &mut Shop<'_>) {
    let price = price(shop);
    let metadata = intent_metadata(shop);
    let movement = shop.pay(price.amount, &metadata, None, None);
    let session = shop.create_session(&sold(&price, "paid", &movement.intent));
    shop.tell("checkout.session.completed", &session);
    shop.expect(&movement.intent, price.amount, price.tax, false);
    shop.aftermath(&[movement]);
}

/// A card payment for which Checkout creates an invoice afterwards. The invoice is no second sale.
pub(super) fn with_invoice(shop: &mut Shop<'_>) {
    let price = price(shop);
    let metadata = intent_metadata(shop);
    let invoice_metadata = if shop.rng.bool() {
        shop.note("invoice of Checkout with the session's metadata");
        shop.metadata.json()
    } else {
        json!({})
    };
    let movement = shop.pay(price.amount, &metadata, None, None);
    let mut draft = Draft::new("manual", vec![Line::item(price.amount - price.tax)]);
    draft.tax = price.tax;
    draft.metadata = invoice_metadata.clone();
    let invoice = shop.create_invoice(&draft);
    link(shop, &movement, &invoice);
    let mut sold = sold(&price, "paid", &movement.intent);
    sold.invoice = Some(&invoice);
    sold.invoice_creation = Some(invoice_metadata);
    let session = shop.create_session(&sold);
    let session_first = shop.rng.bool();
    if session_first {
        shop.tell("checkout.session.completed", &session);
    }
    shop.finalize(&invoice);
    shop.mark_paid(&invoice, std::slice::from_ref(&movement));
    if !session_first {
        shop.tell("checkout.session.completed", &session);
    }
    shop.expect(&movement.intent, price.amount, price.tax, false);
    shop.aftermath(&[movement]);
}

/// Makes a charge and its payment intent name an invoice that was created after them. Stripe doesn't document whether they do.
fn link(shop: &mut Shop<'_>, movement: &Movement, invoice: &str) {
    if shop.is_old() && shop.rng.bool() {
        shop.note("charge names the invoice of Checkout");
        shop.change(&movement.charge, json!({ "invoice": invoice }));
        shop.change(&movement.intent, json!({ "invoice": invoice }));
    }
}

/// A bank debit that succeeds after the session is complete.
pub(super) fn asynchronous(shop: &mut Shop<'_>) {
    let price = price(shop);
    let (session, intent) = start(shop, &price);
    let movement = shop.succeed(&intent, None);
    shop.change(&session, json!({ "payment_status": "paid" }));
    shop.tell("checkout.session.async_payment_succeeded", &session);
    shop.expect(&intent, price.amount, price.tax, false);
    shop.aftermath(&[movement]);
}

/// A bank debit that fails after the session is complete.
pub(super) fn asynchronous_failed(shop: &mut Shop<'_>) {
    let price = price(shop);
    let (session, intent) = start(shop, &price);
    shop.decline(&intent);
    shop.tell("checkout.session.async_payment_failed", &session);
}

fn start(shop: &mut Shop<'_>, price: &Price) -> (String, String) {
    let metadata = intent_metadata(shop);
    let intent = shop.create_intent(price.amount, &metadata, None, false);
    shop.change(&intent, json!({ "status": "processing" }));
    shop.tell("payment_intent.processing", &intent);
    let session = shop.create_session(&sold(price, "unpaid", &intent));
    shop.tell("checkout.session.completed", &session);
    (session, intent)
}

/// A session with a full discount. It has no payment intent.
pub(super) fn free(shop: &mut Shop<'_>) {
    let session = shop.create_session(&Sold {
        mode: "payment",
        amount: 0,
        tax: 0,
        payment_status: "no_payment_required",
        intent: None,
        invoice: None,
        subscription: None,
        invoice_creation: None,
    });
    shop.tell("checkout.session.completed", &session);
}
