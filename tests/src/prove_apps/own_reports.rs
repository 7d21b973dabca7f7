//! Code of the shop's own that reports sales and refunds, as somebody would write it who does not know `event.track`.

use std::sync::{Mutex, PoisonError};

use affitor::{BoundClient, Client, Currency, Error, Refund, Sale, stripe::CUSTOMER_KEY};
use affitor_payments::{Stripe, WebhookEvent};
use serde_json::Value;

/// Reports a paid session under the session's id, in USD. `amount` gets the session.
pub(super) async fn sale(
    affitor: &BoundClient,
    event: &WebhookEvent<Stripe>,
    amount: impl Fn(&Value) -> u64,
) -> Result<(), Error> {
    let session = &event.json()["data"]["object"];
    if event.kind() != "checkout.session.completed" || session["payment_status"] != "paid" {
        return Ok(());
    }
    let sale = Sale::new(text(&session["id"]), amount(session), Currency::USD);
    let sale = sale.customer_key(text(&session["metadata"][CUSTOMER_KEY]));
    affitor.client().track_sale(sale).await?;
    Ok(())
}

/// The amount that was paid, in cents.
pub(super) fn total(session: &Value) -> u64 {
    cents(&session["amount_total"])
}

/// The price without discounts, in cents.
pub(super) fn list_price(session: &Value) -> u64 {
    cents(&session["amount_subtotal"])
}

/// Reports a session, whether it is paid or not.
pub(super) async fn any_session(affitor: &BoundClient, event: &WebhookEvent<Stripe>) -> Result<(), Error> {
    let session = &event.json()["data"]["object"];
    if event.kind() != "checkout.session.completed" {
        return Ok(());
    }
    let sale = Sale::new(text(&session["payment_intent"]), cents(&session["amount_total"]), Currency::USD);
    let sale = sale.customer_key(text(&session["metadata"][CUSTOMER_KEY]));
    affitor.client().track_sale(sale).await?;
    Ok(())
}

/// Returns the id of the charge that a webhook is about.
pub(super) fn charge(event: &WebhookEvent<Stripe>) -> &str {
    text(&event.json()["data"]["object"]["id"])
}

/// Returns the customer that a webhook is about.
pub(super) fn customer(event: &WebhookEvent<Stripe>) -> &str {
    text(&event.json()["data"]["object"]["metadata"][CUSTOMER_KEY])
}

/// Returns the payment intent that a webhook of a charge or a refund is about.
pub(super) fn payment(event: &WebhookEvent<Stripe>) -> &str {
    text(&event.json()["data"]["object"]["payment_intent"])
}

/// Reports a refund as one of the whole payment.
pub(super) async fn refund_whole(client: &Client, event: &WebhookEvent<Stripe>) -> Result<(), Error> {
    if event.kind() == "charge.refunded" {
        client.track_refund(Refund::full(payment(event))).await?;
    }
    Ok(())
}

/// Reports paid invoices and their refunds. The mistake: all invoices of a subscription have one id.
pub(super) async fn invoices(
    affitor: &BoundClient,
    event: &WebhookEvent<Stripe>,
    first: &Mutex<String>,
) -> Result<(), Error> {
    if event.kind() != "invoice.paid" {
        let id = first.lock().unwrap_or_else(PoisonError::into_inner).clone();
        return refund(affitor, event, &id).await;
    }
    remember_first(first, text(&event.json()["data"]["object"]["parent"]["subscription_details"]["subscription"]));
    invoice(affitor, event).await
}

/// Whether a webhook is about the payment of another invoice than the first one. `first` remembers that one.
pub(super) fn is_renewal(event: &WebhookEvent<Stripe>, first: &Mutex<String>) -> bool {
    let object = &event.json()["data"]["object"];
    match event.kind() {
        "invoice_payment.paid" => text(&object["invoice"]) != *first.lock().unwrap_or_else(PoisonError::into_inner),
        kind if kind.starts_with("invoice.") => {
            remember_first(first, text(&object["id"]));
            object["billing_reason"] == "subscription_cycle"
        }
        _ => false,
    }
}

/// Reports a paid invoice under the id of the subscription.
pub(super) async fn invoice(affitor: &BoundClient, event: &WebhookEvent<Stripe>) -> Result<(), Error> {
    if event.kind() != "invoice.paid" {
        return Ok(());
    }
    let invoice = &event.json()["data"]["object"];
    let details = &invoice["parent"]["subscription_details"];
    let sale = Sale::new(text(&details["subscription"]), cents(&invoice["amount_paid"]), Currency::USD);
    affitor.client().track_sale(sale.customer_key(text(&details["metadata"][CUSTOMER_KEY]))).await?;
    Ok(())
}

/// Reports a paid session under an id that is new each time.
pub(super) async fn with_new_id(
    client: &Client,
    event: &WebhookEvent<Stripe>,
    first: &Mutex<String>,
) -> Result<(), Error> {
    let session = &event.json()["data"]["object"];
    if session["payment_status"] != "paid" {
        return Ok(());
    }
    let id = format!("sale_{:016x}", fastrand::u64(..));
    let sale = Sale::new(&id, total(session), Currency::USD);
    client.track_sale(sale.customer_key(text(&session["metadata"][CUSTOMER_KEY]))).await?;
    remember_first(first, &id);
    Ok(())
}

/// The first sale is the one that is refunded.
fn remember_first(first: &Mutex<String>, id: &str) {
    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
    if first.is_empty() {
        id.clone_into(&mut first);
    }
}

/// Reports a refund under the id of a sale.
pub(super) async fn refund(affitor: &BoundClient, event: &WebhookEvent<Stripe>, id: &str) -> Result<(), Error> {
    if event.kind() != "charge.refunded" {
        return Ok(());
    }
    let data = &event.json()["data"];
    let (charge, before) = (&data["object"], &data["previous_attributes"]);
    let refunded = cents(&charge["amount_refunded"]);
    let refund = if refunded == cents(&charge["amount"]) {
        Refund::full(id)
    } else {
        Refund::partial(id, refunded.saturating_sub(cents(&before["amount_refunded"])))
    };
    affitor.client().track_refund(refund).await?;
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn cents(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
