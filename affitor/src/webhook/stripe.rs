//! Stripe.

mod attribution;
mod facts;
mod interval;

use std::{borrow::Cow, time::SystemTime};

use serde_json::Value;

use self::interval::interval;
use super::{
    Ignored, Provider, Refused, VerifyError, Webhook,
    announced::Announced,
    event::Account,
    read::{Fields, Found, Moment},
    sealed::Rules,
    signature::{Signed, TimedHex},
};
use crate::ledger::Facts;

/// Stripe, with Checkout. The secret is the endpoint's whole `whsec_…`. Report payments without Checkout (for example with Elements)
/// yourself, with [`Sale`](crate::Sale).
///
/// # Required events
///
/// | purpose | event |
/// |---|---|
/// | sales | `checkout.session.completed`, `checkout.session.async_payment_succeeded` |
/// | renewals | `invoice.paid` (or `invoice.payment_succeeded`; with both, they count once) |
/// | refunds | `charge.refunded` (or `refund.created` and `refund.updated`, with [`Webhook::refunds_from`]) |
/// | refunds that fail later | `refund.failed`, which is logged as a warning |
/// | lost disputes | `charge.dispute.closed` |
///
/// Stripe reports each refund twice, on the charge and as a refund. Only one of them is counted, so subscribing to both is safe.
///
/// - A session counts when its `payment_status` is `paid`. With a delayed payment method it is `unpaid` on completion, and counts
///   with `checkout.session.async_payment_succeeded`. (A session with manual capture never counts, because Stripe sends no event
///   for it. Report it with [`Sale`](crate::Sale).)
/// - The first payment of a subscription counts with its session, the others with invoices whose `billing_reason` is
///   `subscription_cycle`; these include the first payment after a trial. Other invoices do not count.
/// - The amount of a partial refund is `amount_refunded` minus its value in `previous_attributes`. A refund of the whole charge at
///   once is a full refund, which is safe to repeat.
/// - A dispute counts when it is lost. While it is open, the money is only held back, and Affitor can't restore a commission.
/// - `livemode: false` makes a test event.
///
/// # Transaction ids
///
/// A refund finds its sale only by the sale's transaction id, and Stripe's refunds and disputes name a payment intent, never a
/// session. So a single payment is tracked under its **payment intent**. The session of a subscription has none, so the payments
/// of a subscription are tracked under their **invoice**. A charge names its invoice only in API versions before 2025-03-31. In
/// later versions, nothing in a refund or dispute of a subscription's payment names the invoice, and you must provide it:
///
/// - Subscribe to `invoice_payment.paid` and store what [`WebhookEvent::invoice_payment`] returns (in earlier API versions the
///   invoice itself has it), or query Stripe for the invoice payments of [`WebhookEvent::payment_intent`].
/// - Pass the invoice to [`TrackPayment::refund_of`](https://docs.rs/affitor/latest/affitor/webhook/struct.TrackPayment.html#method.refund_of).
///
/// Otherwise Affitor can't find the sale of such a refund, and the partner keeps the commission.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stripe;

impl Webhook<Stripe> {
    /// Tracks nothing, for a program that is connected to Stripe (default: `false`). Affitor then reads the webhooks itself, and
    /// tracking them again would count twice.
    #[must_use]
    pub fn read_by_affitor(mut self, connected: bool) -> Self {
        self.settings_mut().read_by_affitor = Some(connected);
        self
    }

    /// Also counts the payments of a connected account (`acct_…`). Default: none, because somebody else chooses their metadata and
    /// amounts. Can be called several times.
    #[must_use]
    pub fn connected_account(mut self, id: impl Into<String>) -> Self {
        self.settings_mut().connected_accounts.push(id.into());
        self
    }

    /// Returns the connected accounts whose payments count.
    pub fn get_connected_accounts(&self) -> impl Iterator<Item = &str> {
        self.settings.connected_accounts.iter().map(String::as_str)
    }
}

const SCHEME: TimedHex =
    TimedHex { header: "stripe-signature", separator: ',', time: "t", signature: "v1", joint: b"." };

impl Provider for Stripe {
    const NAME: &'static str = "Stripe";
}

impl Rules for Stripe {
    const SIGNATURE: &'static str = SCHEME.header;
    const METADATA_HELP: &'static str =
        "add `affitor.stripe_metadata(user_id)?` to the Checkout session, the subscription or the payment intent";

    fn reject_secret(secret: &str) -> Option<&'static str> {
        (!secret.starts_with("whsec_")).then_some("a Stripe webhook secret starts with whsec_")
    }

    fn verify(signed: &Signed<'_>) -> Result<(), VerifyError> {
        signed.timed_hex(&SCHEME)
    }

    fn sign(secret: &[u8], _: &str, body: &[u8], seconds: i64) -> Vec<(&'static str, String)> {
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
