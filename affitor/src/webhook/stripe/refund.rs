//! Stripe's refunds and disputes.

use super::{
    super::{
        Ignored, WebhookEvent,
        read::{Fields, Found, some, wrong},
    },
    Stripe, StripeRefunds,
};
use crate::event::{Event, Refund};

/// Which events report refunds at this endpoint.
fn counting(event: &WebhookEvent<Stripe>) -> StripeRefunds {
    event.settings.stripe_refunds.unwrap_or(StripeRefunds::ChargeRefunded)
}

pub(super) fn refund(event: &WebhookEvent<Stripe>) -> Found<Event> {
    let fields = Fields(event.json());
    let status = fields.required_text("data.object.status")?;
    let before = fields.text("data.previous_attributes.status")?;
    if matches!(status, "failed" | "canceled") && before == Some("succeeded") {
        return Err(Ignored::CannotBeUndone.into());
    }
    if counting(event) != StripeRefunds::RefundCreated {
        return Err(Ignored::CountedElsewhere { by: "charge.refunded" }.into());
    }
    if status != "succeeded" {
        return Err(Ignored::RefundNotFinal.into());
    }
    // An update of something else, such as a reference number.
    if event.kind() == "refund.updated" && before.is_none() {
        return Err(Ignored::CountedElsewhere { by: "refund.created" }.into());
    }
    let transaction_id = fields.text("data.object.payment_intent")?.ok_or(Ignored::Unattributable)?;
    let amount = some(fields.amount("data.object.amount")?)?;
    fields.currency("data.object.currency", &event.settings)?;
    let refund = Refund::partial(transaction_id, amount).refund_id(fields.required_text("data.object.id")?);
    Ok(match fields.text("data.object.reason")? {
        Some(reason) => refund.refund_reason(reason),
        None => refund,
    }
    .into())
}

pub(super) fn charge(event: &WebhookEvent<Stripe>) -> Found<Event> {
    if counting(event) != StripeRefunds::ChargeRefunded {
        return Err(Ignored::CountedElsewhere { by: "refund.created" }.into());
    }
    let fields = Fields(event.json());
    let transaction_id = match fields.text("data.object.invoice")? {
        None => fields.text("data.object.payment_intent")?.ok_or(Ignored::Unattributable)?,
        Some(invoice) => invoice,
    };
    let total = fields.amount("data.object.amount_refunded")?;
    let before = fields.amount("data.previous_attributes.amount_refunded")?;
    let charged = fields.amount("data.object.amount")?;
    let now = total
        .checked_sub(before)
        .ok_or_else(|| wrong("data.previous_attributes.amount_refunded", "less than data.object.amount_refunded"))?;
    some(now)?;
    if before == 0 && total == charged {
        return Ok(Refund::full(transaction_id).into());
    }
    fields.currency("data.object.currency", &event.settings)?;
    // A total is reached once, so it identifies the refund. The event does not always contain the refund's own id.
    let charge = fields.required_text("data.object.id")?;
    Ok(Refund::partial(transaction_id, now).refund_id(format_args!("{charge}:{total}")).into())
}

pub(super) fn dispute(event: &WebhookEvent<Stripe>) -> Found<Event> {
    let fields = Fields(event.json());
    match fields.required_text("data.object.status")? {
        "lost" => {}
        "won" | "warning_closed" | "prevented" => return Err(Ignored::RefundNotFinal.into()),
        _ => return Err(wrong("data.object.status", "lost, won, warning_closed or prevented")),
    }
    let transaction_id = fields.text("data.object.payment_intent")?.ok_or(Ignored::Unattributable)?;
    let amount = some(fields.amount("data.object.amount")?)?;
    fields.currency("data.object.currency", &event.settings)?;
    let id = fields.required_text("data.object.id")?;
    Ok(Refund::partial(transaction_id, amount).refund_id(id).refund_reason("dispute lost").into())
}
