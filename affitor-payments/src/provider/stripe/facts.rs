//! Stripe's objects, in webhooks and in responses of its API.

use std::{cmp::Reverse, collections::BTreeSet};

use serde_json::Value;

use super::{
    super::{
        Ignored, NoFacts, Refused,
        read::{Fields, Found, Moment},
    },
    attribution::{metadata, of_lines, of_session, product_id},
    interval,
    lines::lines,
};
use crate::ledger::{
    Bill, Charge, Checkout, CreditNote, Details, Facts, Intent, Object, Paid, Reversal, ReversalStatus, Source, Total,
};

/// Adds the object of an event. `previous` is `previous_attributes`.
pub(super) fn of_event(kind: &str, object: Fields<'_>, previous: Fields<'_>, moment: Moment) -> Found<Facts> {
    let mut facts = Facts::default();
    // An object of a certain kind, whatever happened to it: each event shows a state of it.
    let family = kind.rsplit_once('.').map_or(kind, |(family, _)| family);
    match family {
        // A preview without an id.
        _ if kind == "invoice.upcoming" => return Err(Ignored::OtherType.into()),
        "checkout.session" => checkout(&mut facts, object, moment)?,
        "invoice" => {
            invoice(&mut facts, object, kind == "invoice.paid" || kind == "invoice.payment_succeeded", moment)?;
        }
        "invoice_payment" => invoice_payment(&mut facts, object, kind == "invoice_payment.paid")?,
        "payment_intent" => payment_intent(&mut facts, object, kind == "payment_intent.succeeded", moment)?,
        "charge" => charge(&mut facts, object, previous, moment)?,
        "charge.dispute" => dispute(&mut facts, object)?,
        "charge.refund" | "refund" => refund(&mut facts, object, moment)?,
        "credit_note" => credit_note(&mut facts, object)?,
        "customer.subscription" => subscription(&mut facts, object)?,
        _ => return Err(Ignored::OtherType.into()),
    }
    Ok(facts)
}

/// Returns the id of an object under which a sale may be reported. One of another kind would be that of another sale.
fn own_id<'o>(object: Fields<'o>, prefix: &str) -> Found<&'o str> {
    let id = object.required_text("id")?;
    let is_of_others = ["cs_", "in_", "pi_"].iter().any(|other| *other != prefix && id.starts_with(other));
    if is_of_others {
        Err(Refused::WrongField { field: "id", expected: "an id of this kind of object" }.into())
    } else {
        Ok(id)
    }
}

fn checkout(facts: &mut Facts, object: Fields<'_>, moment: Moment) -> Found<()> {
    let id = own_id(object, "cs_")?;
    let one_time = match object.required_text("mode")? {
        "payment" => true,
        "subscription" => false,
        "setup" => return Err(Ignored::NothingPaid.into()),
        _ => return Err(Refused::WrongField { field: "mode", expected: "payment, subscription or setup" }.into()),
    };
    let is_paid = match object.required_text("payment_status")? {
        "paid" => true,
        "unpaid" | "no_payment_required" => false,
        _ => {
            let expected = "paid, unpaid or no_payment_required";
            return Err(Refused::WrongField { field: "payment_status", expected }.into());
        }
    };
    let attribution = of_session(object)?;
    let tax = object.get("total_details.amount_tax").and_then(Value::as_u64);
    let total = object.get("amount_total").and_then(Value::as_u64).filter(|_| one_time);
    let without_tax = tax.zip(total).map(|(tax, total)| (total.saturating_sub(tax), total));
    let paid = if one_time && is_paid {
        Some(paid(object.amount("amount_total")?, without_tax, object, moment)?)
    } else {
        None
    };
    // A session without a payment intent, such as one that was free, is its own movement.
    let movement = object.reference("payment_intent")?.or(paid.is_some().then_some(id));
    if let Some(subscription) = object.reference("subscription")? {
        facts.add(subscription, Object::Source(Source { attribution: attribution.clone(), ..Source::default() }));
    }
    let checkout = Checkout {
        paid,
        attribution,
        without_tax,
        movement: movement.map(str::to_owned),
        bill: object.reference("invoice")?.map(str::to_owned),
        one_time,
        product_id: product_id(object),
        lines: lines(object, "line_items"),
    };
    facts.add(id, Object::Checkout(checkout));
    Ok(())
}

fn invoice(facts: &mut Facts, object: Fields<'_>, says_paid: bool, moment: Moment) -> Found<()> {
    let id = own_id(object, "in_")?;
    let is_paid = object.text("status")?.map_or(says_paid, |status| status == "paid");
    // The place of the subscription since API 2025-03-31, and before.
    let (subscription, details) = match object.reference("parent.subscription_details.subscription")? {
        Some(subscription) => (Some(subscription), "parent.subscription_details.metadata"),
        None => (object.reference("subscription")?, "subscription_details.metadata"),
    };
    let attribution = metadata(object, details)?.or(&metadata(object, "metadata")?).or(&of_lines(object)?);
    let paid = if is_paid {
        let cents = object.amount("amount_paid")?.saturating_sub(paid_outside(object));
        let amount = |field: &str| object.get(field).and_then(Value::as_u64);
        let without_tax = amount("total_excluding_tax").zip(amount("total")).filter(|(_, total)| *total > 0);
        Some(paid(cents, without_tax, object, moment)?)
    } else {
        None
    };
    let is_first = object.text("billing_reason")? == Some("subscription_create");
    let bill = Bill {
        // A draft changes.
        lines: if is_paid { lines(object, "lines") } else { None },
        paid,
        attribution,
        source: subscription.map(str::to_owned),
        customer: None,
        details: Details {
            recurring: subscription.is_some() && !is_first,
            subscription_id: subscription.map(str::to_owned),
            interval: interval(object).map(|interval| interval.as_str().to_owned()),
            product_id: product_id(object),
        },
        refunded_cents: 0,
        may_repeat_checkout: subscription.is_none(),
        ..Bill::default()
    };
    facts.add(id, Object::Bill(bill));
    // Before API 2025-03-31, an invoice names its payment.
    if let Some(movement) = object.reference("payment_intent")?.or(object.reference("charge")?) {
        facts.allocate(id, movement, None);
    }
    // Since then, it may list them.
    for payment in object.get("payments.data").and_then(Value::as_array).into_iter().flatten() {
        match invoice_payment(facts, Fields(payment), false) {
            // One that is not paid, or was made outside Stripe.
            Ok(()) | Err(NoFacts::Ignored(_)) => {}
            Err(refused) => return Err(refused),
        }
    }
    Ok(())
}

/// What was paid outside Stripe, if the invoice lists its payments. Since API 2025-03-31 it is a part of `amount_paid`.
fn paid_outside(invoice: Fields<'_>) -> u64 {
    let payments = invoice.get("payments.data").and_then(Value::as_array).into_iter().flatten().map(Fields);
    let outside = payments.filter(|payment| payment.get("payment.payment_record").is_some());
    outside.filter_map(|payment| payment.get("amount_paid")?.as_u64()).fold(0, u64::saturating_add)
}

fn invoice_payment(facts: &mut Facts, object: Fields<'_>, says_paid: bool) -> Found<()> {
    if !object.text("status")?.map_or(says_paid, |status| status == "paid") {
        return Err(Ignored::NotPaidYet.into());
    }
    let bill = object.reference("invoice")?.ok_or(Refused::MissingField { field: "invoice" })?;
    let cents = if object.get("amount_paid").is_some() { Some(object.amount("amount_paid")?) } else { None };
    let movement = match object.reference("payment.payment_intent")? {
        None => object.reference("payment.charge")?,
        movement => movement,
    };
    // A payment outside Stripe has neither, and no refund can name it.
    let Some(movement) = movement else { return Err(Ignored::OtherType.into()) };
    facts.allocate(bill, movement, cents);
    Ok(())
}

fn payment_intent(facts: &mut Facts, object: Fields<'_>, says_paid: bool, moment: Moment) -> Found<()> {
    let id = own_id(object, "pi_")?;
    let is_paid = object.text("status")?.map_or(says_paid, |status| status == "succeeded");
    let received = if is_paid { Some(paid(object.amount("amount_received")?, None, object, moment)?) } else { None };
    let released_cents = match &received {
        Some(received) if is_old(object) => object.amount("amount")?.saturating_sub(received.cents),
        _ => 0,
    };
    let attribution = metadata(object, "metadata")?;
    let (fee_cents, product_id) = (fee(object), product_id(object));
    let intent = Intent { paid: received, attribution, product_id, fee_cents, released_cents };
    facts.add(id, Object::Intent(intent));
    // Before API 2025-03-31.
    if let Some(bill) = object.reference("invoice")? {
        facts.allocate(bill, id, None);
    }
    Ok(())
}

/// Whether a payment intent or charge has the form from before API 2025-03-31: with a field for its invoice, which may be null.
fn is_old(object: Fields<'_>) -> bool {
    object.0.get("invoice").is_some()
}

/// What the shop keeps of a payment that goes to a connected account.
fn fee(object: Fields<'_>) -> Option<u64> {
    let amount = |fields: Fields<'_>, field: &str| fields.get(field).and_then(Value::as_u64);
    // A direct charge has only the fee.
    if let Some(fee) = amount(object, "application_fee_amount") {
        return Some(fee);
    }
    let transfer = Fields(object.get("transfer_data")?);
    let captured = ["amount_received", "amount_captured"].iter().find_map(|field| amount(object, field));
    let captured = captured.filter(|cents| *cents > 0).or_else(|| amount(object, "amount"));
    Some(captured.zip(amount(transfer, "amount")).map_or(0, |(captured, sent)| captured.saturating_sub(sent)))
}

fn charge(facts: &mut Facts, object: Fields<'_>, previous: Fields<'_>, moment: Moment) -> Found<()> {
    let id = object.required_text("id")?;
    let movement = object.reference("payment_intent")?;
    let charged = object.amount("amount")?;
    let captured = match object.get("captured").and_then(Value::as_bool) {
        Some(false) => 0,
        _ => object.get("amount_captured").and_then(Value::as_u64).unwrap_or(charged),
    };
    let uncaptured = charged.saturating_sub(captured);
    let refunded = object.amount("amount_refunded")?;
    let before = previous.get("amount_refunded").and_then(Value::as_u64);
    let charge = Charge {
        movement: movement.map(str::to_owned),
        captured_cents: captured,
        refunded: Total::new(refunded, moment.now),
        // A charge that failed was not captured either, and nothing of it was released.
        released_cents: if is_old(object) && refunded >= uncaptured { uncaptured } else { 0 },
        refunded_before: before.map(Reverse),
        currency: object.currency_code("currency")?,
        created: object.get("created").and_then(Value::as_u64),
    };
    facts.add(id, Object::Charge(charge));
    let movement = movement.unwrap_or(id);
    if let Some(fee) = fee(object) {
        facts.add(movement, Object::Intent(Intent { fee_cents: Some(fee), ..Intent::default() }));
    }
    // Before API 2025-03-31.
    if let Some(bill) = object.reference("invoice")? {
        facts.allocate(bill, movement, None);
    }
    Ok(())
}

fn refund(facts: &mut Facts, object: Fields<'_>, moment: Moment) -> Found<()> {
    let status = match object.text("status")? {
        Some("succeeded") => ReversalStatus::Returned,
        Some("failed" | "canceled") => ReversalStatus::NotReturned,
        _ => ReversalStatus::Pending,
    };
    let known_since = (status == ReversalStatus::Returned).then_some(Reverse(moment.now));
    let refund = Reversal { status, known_since, ..reversal(object)? };
    facts.add(object.required_text("id")?, Object::Reversal(refund));
    Ok(())
}

fn dispute(facts: &mut Facts, object: Fields<'_>) -> Found<()> {
    let status = match object.required_text("status")? {
        "lost" => ReversalStatus::Returned,
        "won" | "warning_closed" | "prevented" => ReversalStatus::NotReturned,
        _ => ReversalStatus::Pending,
    };
    let dispute = Reversal { status, is_dispute: true, ..reversal(object)? };
    facts.add(object.required_text("id")?, Object::Reversal(dispute));
    Ok(())
}

fn reversal(object: Fields<'_>) -> Found<Reversal> {
    let of = match object.reference("payment_intent")? {
        None => object.reference("charge")?,
        of => of,
    };
    Ok(Reversal {
        of: of.ok_or(Ignored::Unattributable)?.to_owned(),
        cents: Some(object.amount("amount")?),
        currency: object.currency_code("currency")?,
        created: object.get("created").and_then(Value::as_u64),
        ..Reversal::default()
    })
}

/// Reads how much of a refund is tax.
fn credit_note(facts: &mut Facts, object: Fields<'_>) -> Found<()> {
    let listed = object.get("refunds").and_then(Value::as_array).into_iter().flatten();
    let listed = listed.map(|item| Fields(item).reference("refund"));
    let named = listed.chain([object.reference("refund")]).filter_map(Result::transpose);
    let refunds = named.map(|id| id.map(str::to_owned)).collect::<Result<BTreeSet<_>, _>>()?;
    if refunds.is_empty() {
        // It lowers what is to be paid, or what the customer pays next time.
        return Err(Ignored::OtherType.into());
    }
    let amount = |field: &str| object.get(field).and_then(Value::as_u64);
    let bill = object.reference("invoice")?.ok_or(Refused::MissingField { field: "invoice" })?;
    let note = CreditNote {
        bill: bill.to_owned(),
        refunds,
        without_tax: amount("total_excluding_tax").zip(amount("total")).filter(|(_, total)| *total > 0),
        is_void: object.text("status")? == Some("void"),
    };
    facts.add(object.required_text("id")?, Object::CreditNote(note));
    Ok(())
}

fn subscription(facts: &mut Facts, object: Fields<'_>) -> Found<()> {
    let source = Source { attribution: metadata(object, "metadata")?, ..Source::default() };
    facts.add(object.required_text("id")?, Object::Source(source));
    Ok(())
}

fn paid(cents: u64, without_tax: Option<(u64, u64)>, object: Fields<'_>, moment: Moment) -> Found<Paid> {
    let currency = object.currency_code("currency")?.ok_or(Refused::MissingField { field: "currency" })?;
    let at = object.get("status_transitions.paid_at").and_then(Value::as_u64).unwrap_or(moment.at);
    let mut paid = Paid::new(cents, currency, at);
    (paid.without_tax, paid.known_since) = (without_tax, Reverse(moment.now));
    Ok(paid)
}
