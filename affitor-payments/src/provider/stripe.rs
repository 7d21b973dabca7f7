//! Stripe.

mod attribution;
mod facts;
mod interval;
mod lines;

use std::{borrow::Cow, time::SystemTime};

use serde_json::Value;

use self::interval::interval;
use super::{
    Provider,
    account::Account,
    announced::Announced,
    ignored::{Ignored, Refused},
    read::{Fields, Found, Moment},
    sealed::Rules,
    signature::{Signed, TimedHex},
    verify_error::VerifyError,
};
use crate::ledger::Facts;

/// Stripe. The secret is the endpoint's whole `whsec_…`. Both forms of its API are read, before and since version 2025-03-31.
///
/// # Required events
///
/// | purpose | event |
/// |---|---|
/// | one-time Checkout payments | `checkout.session.completed`, `checkout.session.async_payment_succeeded` |
/// | subscriptions, renewals, upgrades, manual invoices | `invoice.paid` |
/// | the payment of each invoice, which refunds name | `invoice_payment.paid` |
/// | payments without Checkout, such as Elements | `payment_intent.succeeded` |
/// | refunds | `charge.refunded` |
/// | refunds that fail later | `refund.failed`, which is logged as a warning |
/// | lost disputes | `charge.dispute.closed` |
///
/// Several events may report one payment. It counts once, so subscribing to more of them is safe. A ledger also reads
/// `refund.created` and `refund.updated`, so that a refund counts when it succeeds, and `customer.subscription.created`. With
/// [`CommissionOn::Net`](crate::ledger::CommissionOn::Net) it needs `refund.created` and `credit_note.created`: see below.
///
/// # What is a sale
///
/// - An **invoice** that is paid, under its own id: the first payment of a subscription, renewals, upgrades, manual invoices. The
///   amount is `amount_paid`, so a trial, a full discount or a credit balance does not count.
/// - A **one-time Checkout payment**, under its payment intent, even if Stripe makes an invoice for it afterwards. With a delayed
///   payment method, it counts when it is paid.
/// - A **payment intent** that belongs to neither and whose metadata names a customer, under its own id.
///
/// The session of a subscription is not a sale: it tells whose subscription it is. `livemode: false` makes a test event.
///
/// # Refunds
///
/// A refund names a payment intent. If that paid an invoice, the sale is the invoice: before API 2025-03-31 the charge names it, since
/// then only `invoice_payment.paid` does. [`track`](crate::WebhookEvent::track) remembers it until the process ends, a ledger keeps it. If it is not
/// known, the service does not find the sale of such a refund, and the partner keeps the commission.
///
/// - [`track`](crate::WebhookEvent::track) counts `charge.refunded`, by what was added to the charge's running total. A refund that fails afterwards must
///   be corrected in Affitor's dashboard.
/// - A dispute counts when it is lost. While it is open, the money is only held back, and Affitor can't restore a commission.
/// - With a commission [without tax](crate::ledger::CommissionOn::Net), a refund takes back its share of the net amount. A credit note
///   tells how much of it is tax. So a ledger holds a partial refund of an invoice for 15 minutes, in which `credit_note.created`
///   may come.
///
/// # Products
///
/// A sale names the product whose lines it consists of, as [`Webhook::product`](crate::Webhook::product) translates it. Several products
/// are sent as `line_items`. The webhook of a one-time Checkout payment has no lines, so its
/// [metadata](affitor::stripe::PaymentMetadata::product_id) names the product.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stripe;

const SCHEME: TimedHex =
    TimedHex { header: "stripe-signature", separator: ',', time: "t", signature: "v1", joint: b"." };

impl Provider for Stripe {
    const NAME: &'static str = "Stripe";
    const SECRET_VARIABLE: &'static str = "STRIPE_WEBHOOK_SECRET";
}

impl Rules for Stripe {
    const SIGNATURE: &'static str = SCHEME.header;
    const READ_BY_AFFITOR: bool = true;
    const METADATA_HELP: &'static str =
        "add `affitor.stripe_metadata(user_id)` to the Checkout session, the subscription or the payment intent";

    fn reject_secret(secret: &str) -> Option<&'static str> {
        (!secret.starts_with("whsec_")).then_some("a Stripe webhook secret starts with whsec_")
    }

    fn verify(signed: &Signed<'_>) -> Result<(), VerifyError> {
        signed.timed_hex(&SCHEME)
    }

    fn sign(secret: &[u8], _: &str, body: &[u8], seconds: u64) -> Vec<(&'static str, String)> {
        SCHEME.sign(secret, body, seconds)
    }

    fn id(json: &Value) -> Option<Cow<'_, str>> {
        json.get("id")?.as_str().map(Cow::Borrowed)
    }

    fn kind(json: &Value) -> Option<&str> {
        json.get("type")?.as_str()
    }

    fn occurred_at(json: &Value) -> Option<SystemTime> {
        Fields(json).unix_time("created")
    }

    fn says_test(json: &Value) -> Result<bool, Refused> {
        match json.get("livemode") {
            Some(Value::Bool(live)) => Ok(!live),
            Some(_) => Err(Refused::WrongField { field: "livemode", expected: "true or false" }),
            None => Err(Refused::MissingField { field: "livemode" }),
        }
    }

    fn tax(json: &Value) -> Option<u64> {
        let fields = Fields(json);
        let amount = |path: &str| fields.get(path).and_then(Value::as_u64);
        // A session has the tax; an invoice has the amount without it.
        amount("data.object.total_details.amount_tax")
            .or_else(|| amount("data.object.total")?.checked_sub(amount("data.object.total_excluding_tax")?))
    }

    fn account(json: &Value) -> Option<Account<'_>> {
        match json.get("account") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(Account::Id(id)),
            Some(_) => Some(Account::Malformed),
        }
    }

    fn facts(json: &Value, moment: Moment) -> Found<Facts> {
        let fields = Fields(json);
        if fields.text("object")? == Some("v2.core.event") {
            return Err(Ignored::ThinEvent.into());
        }
        let kind = fields.required_text("type")?;
        let object = Fields(fields.get("data.object").ok_or(Refused::MissingField { field: "data.object" })?);
        let previous = Fields(fields.get("data.previous_attributes").unwrap_or(&Value::Null));
        facts::of_event(kind, object, previous, moment)
    }

    fn object_facts(object: &Value, now: u64) -> Found<Facts> {
        let fields = Fields(object);
        let family = match fields.required_text("object")? {
            "dispute" => "charge.dispute",
            "subscription" => "customer.subscription",
            family => family,
        };
        let at = fields.get("created").and_then(Value::as_u64).unwrap_or(now).min(now);
        // Without the name of what happened: the object's own status counts.
        facts::of_event(&format!("{family}."), fields, Fields(&Value::Null), Moment { at, now })
    }

    fn announced(json: &Value) -> Found<Announced> {
        let fields = Fields(json);
        Ok(match Self::kind(json).unwrap_or_default() {
            "checkout.session.completed"
            | "checkout.session.async_payment_succeeded"
            | "invoice.paid"
            | "invoice.payment_succeeded"
            | "payment_intent.succeeded" => Announced::Payment,
            "charge.refunded" => {
                let field = "data.previous_attributes.amount_refunded";
                fields.get(field).ok_or(Refused::MissingField { field })?;
                Announced::Refund
            }
            "charge.dispute.closed" => Announced::Refund,
            // The refund may have succeeded before.
            "refund.failed" => return Err(Ignored::CannotBeUndone.into()),
            "refund.updated" | "charge.refund.updated" if fields.text("data.object.status")? == Some("failed") => {
                return Err(Ignored::CannotBeUndone.into());
            }
            // After a restart, a refund could not be told from the same one in the charge's total.
            "refund.created" | "refund.updated" | "charge.refund.updated" => {
                return Err(Ignored::CountedElsewhere { by: "charge.refunded" }.into());
            }
            _ => Announced::Nothing,
        })
    }
}
