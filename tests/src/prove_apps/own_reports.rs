//! Code of the shop's own that reports sales and refunds, as somebody would write it who does not know `event.track`.

use affitor::{BoundClient, Currency, Error, Refund, Sale, stripe::CUSTOMER_KEY};
use affitor_payments::{Stripe, WebhookEvent};
use serde_json::Value;

/// Reports a paid session under the session's id, with the amount in one of its fields.
pub(super) async fn sale(affitor: &BoundClient, event: &WebhookEvent<Stripe>, amount: &str) -> Result<(), Error> {
    let session = &event.json()["data"]["object"];
    if event.kind() != "checkout.session.completed" || session["payment_status"] != "paid" {
        return Ok(());
    }
    let sale = Sale::new(text(&session["id"]), cents(&session[amount]), Currency::USD);
    let sale = sale.customer_key(text(&session["metadata"][CUSTOMER_KEY]));
    affitor.client().track_sale(sale).await?;
    Ok(())
}

/// Reports a refund. The mistake: under the charge's id, but the sale has another one.
pub(super) async fn refund(affitor: &BoundClient, event: &WebhookEvent<Stripe>) -> Result<(), Error> {
    if event.kind() != "charge.refunded" {
        return Ok(());
    }
    let data = &event.json()["data"];
    let (charge, before) = (&data["object"], &data["previous_attributes"]);
    let (id, refunded) = (text(&charge["id"]), cents(&charge["amount_refunded"]));
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
