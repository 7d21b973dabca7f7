//! Stripe's sales: Checkout sessions and the invoices of renewals.

use serde_json::Value;

use super::{
    super::{
        Ignored, WebhookEvent,
        read::{Fields, Found, wrong},
    },
    Stripe,
};
use crate::{
    event::{Event, Sale, SubscriptionInterval},
    stripe::CLICK_ID,
};

pub(super) fn session(event: &WebhookEvent<Stripe>) -> Found<Event> {
    let fields = Fields(event.json());
    let subscription = match fields.required_text("data.object.mode")? {
        "payment" => false,
        "subscription" => true,
        "setup" => return Err(Ignored::NothingPaid.into()),
        _ => return Err(wrong("data.object.mode", "payment, subscription or setup")),
    };
    match fields.required_text("data.object.payment_status")? {
        "paid" => {}
        "unpaid" => return Err(Ignored::NotPaidYet.into()),
        "no_payment_required" => return Err(Ignored::NothingPaid.into()),
        _ => return Err(wrong("data.object.payment_status", "paid, unpaid or no_payment_required")),
    }
    let customer_key = match fields.id("data.object.metadata.affitor_customer_key")? {
        None => fields.id("data.object.client_reference_id")?,
        key => key,
    };
    let by_payment = if subscription { "data.object.invoice" } else { "data.object.payment_intent" };
    let transaction_id = match fields.text(by_payment)? {
        Some(id) => id,
        None => fields.required_text("data.object.id")?,
    };
    let sale = Parts {
        transaction_id,
        amount: fields.amount("data.object.amount_total")?,
        customer_key,
        metadata: Place::Session,
    }
    .sale(event)?;
    if !subscription {
        return Ok(sale.into());
    }
    Ok(match fields.text("data.object.subscription")? {
        Some(id) => sale.subscription(id, None),
        None => sale,
    }
    .into())
}

pub(super) fn invoice(event: &WebhookEvent<Stripe>) -> Found<Event> {
    let fields = Fields(event.json());
    match fields.text("data.object.billing_reason")? {
        Some("subscription_cycle") => {}
        Some("subscription_create") => {
            return Err(Ignored::CountedElsewhere { by: "checkout.session.completed" }.into());
        }
        _ => return Err(Ignored::OtherInvoice.into()),
    }
    // The place of the subscription's metadata since API 2025-03-31, and before.
    let place = match fields.get("data.object.parent.subscription_details") {
        Some(_) => Place::Parent,
        None => Place::Invoice,
    };
    let customer_key = match place {
        Place::Parent => fields.id("data.object.parent.subscription_details.metadata.affitor_customer_key")?,
        _ => fields.id("data.object.subscription_details.metadata.affitor_customer_key")?,
    };
    let sale = Parts {
        transaction_id: fields.required_text("data.object.id")?,
        amount: fields.amount("data.object.amount_paid")?,
        customer_key,
        metadata: place,
    }
    .sale(event)?;
    let subscription = match fields.text("data.object.parent.subscription_details.subscription")? {
        None => fields.text("data.object.subscription")?,
        id => id,
    };
    let sale = match subscription {
        Some(id) => sale.subscription(id, fields.get("data.object").and_then(|object| interval(Fields(object)))),
        None => sale,
    };
    Ok(sale.recurring(true).into())
}

/// The place of a sale's metadata.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Session,
    Parent,
    Invoice,
}

impl Place {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Session => "data.object.metadata",
            Self::Parent => "data.object.parent.subscription_details.metadata",
            Self::Invoice => "data.object.subscription_details.metadata",
        }
    }
}

/// What sessions and invoices have in common.
struct Parts<'a> {
    transaction_id: &'a str,
    amount: u64,
    customer_key: Option<String>,
    metadata: Place,
}

impl Parts<'_> {
    fn sale(self, event: &WebhookEvent<Stripe>) -> Found<Sale> {
        let fields = Fields(event.json());
        if self.amount == 0 {
            return Err(Ignored::NothingPaid.into());
        }
        let click_id = fields.click_id(&format!("{}.{CLICK_ID}", self.metadata.path()));
        if self.customer_key.is_none() && click_id.is_none() {
            return Err(Ignored::Unattributable.into());
        }
        let currency = fields.currency("data.object.currency", &event.settings)?;
        let sale = Sale::new(self.transaction_id, self.amount, currency).click_id(click_id);
        Ok(match self.customer_key {
            Some(key) => sale.customer_key(key),
            None => sale,
        })
    }
}

/// Returns the billing interval of an invoice's subscription, if its first line has one that the API knows.
pub(super) fn interval(fields: Fields<'_>) -> Option<SubscriptionInterval> {
    let line = Fields(fields.get("lines.data")?.get(0)?);
    let recurring = Fields(line.get("price.recurring").or_else(|| line.get("plan"))?);
    let count = recurring.get("interval_count").map_or(Some(1), Value::as_u64)?;
    match (recurring.get("interval")?.as_str()?, count) {
        ("month", 1) => Some(SubscriptionInterval::Monthly),
        ("month", 3) => Some(SubscriptionInterval::Quarterly),
        ("month", 12) | ("year", 1) => Some(SubscriptionInterval::Annual),
        _ => None,
    }
}
