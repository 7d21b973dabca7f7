//! Stripe.

mod refund;
mod sale;

use std::{borrow::Cow, time::SystemTime};

use serde_json::Value;

use super::{
    Ignored, Provider, Refused, Tracking, VerifyError, Webhook, WebhookEvent,
    read::Fields,
    sealed::Rules,
    signature::{Signed, TimedHex},
};
use crate::stripe::PROGRAM_ID;

/// Stripe, with Checkout. The secret is the endpoint's whole `whsec_…`. What is paid without Checkout (with Elements, say) is
/// reported by hand, with [`Sale`](crate::Sale).
///
/// # Which events the endpoint needs
///
/// | for | event |
/// |---|---|
/// | sales | `checkout.session.completed`, `checkout.session.async_payment_succeeded` |
/// | renewals | `invoice.paid` (or `invoice.payment_succeeded`; with both, they count once) |
/// | refunds | `charge.refunded` (or `refund.created` and `refund.updated`, with [`Webhook::refunds_from`]) |
/// | refunds that fail later | `refund.failed`: a warning in the log |
/// | lost disputes | `charge.dispute.closed` |
///
/// Of each refund Stripe tells twice, by charge and by refund. One of the two counts, so that an endpoint that hears both counts
/// none twice.
///
/// - A session counts when its `payment_status` is `paid`. One with a delayed payment method is `unpaid` when it is
///   completed, and counts from `checkout.session.async_payment_succeeded`. (One that is captured by hand counts not at all:
///   Stripe sends no event of the session when it is. Report it with [`Sale`](crate::Sale).)
/// - Of a subscription the first payment counts from its session and the others from invoices with
///   `billing_reason=subscription_cycle`; a first payment after a trial is one of these. Other invoices do not count.
/// - A partial refund is `amount_refunded` less what `previous_attributes` says of it; all at once is a full refund, which may
///   be reported again without harm.
/// - A dispute counts when it is lost. While it is open the money is only held back, and Affitor has no way to give a
///   partner back what was taken.
/// - `livemode: false` makes a test event.
///
/// # Which id a sale gets
///
/// A refund finds its sale by the sale's transaction id alone, and Stripe's refunds and disputes name a payment intent,
/// never a session. So a single payment is tracked under its **payment intent**. A subscription's session has none: its
/// payments are tracked under their **invoice**. Charges name their invoice in API versions before 2025-03-31; otherwise
/// nothing in a refund or dispute of a subscription's payment does, and the shop has to say it:
///
/// - Subscribe to `invoice_payment.paid`, keep what [`WebhookEvent::invoice_payment`] finds in it (in earlier API versions
///   the invoice itself says it), or ask Stripe for the invoice payments of [`WebhookEvent::payment_intent`];
/// - and hand the invoice to [`TrackPayment::refund_of`](https://docs.rs/affitor/latest/affitor/webhook/struct.TrackPayment.html#method.refund_of).
///
/// Without that, such a refund is not found by Affitor and the partner keeps the commission.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stripe;

/// Which of Stripe's events say that money was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StripeRefunds {
    /// `charge.refunded`, which counts unless another is set: the running total of the charge, and what it was before.
    ChargeRefunded,
    /// `refund.created` and `refund.updated`: each refund with its own amount and id, for all refunds since API 2024-10-28. They
    /// don't say whether all was given back, so that each is a partial refund, which is not reported again once it may have
    /// arrived.
    RefundCreated,
}

/// Which payment paid an invoice: what a refund's payment intent leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct InvoicePayment<'a> {
    /// The invoice, under which the sale is tracked.
    pub invoice: &'a str,
    /// The payment intent, which the refund will name.
    pub payment_intent: &'a str,
}

impl Webhook<Stripe> {
    /// For programs that are connected to Stripe: Affitor reads the webhooks itself, and what is tracked as well would count
    /// twice. Nothing is tracked then.
    #[must_use]
    pub fn read_by_affitor(mut self, connected: bool) -> Self {
        self.change().read_by_affitor = connected;
        self
    }

    /// Sets from which events refunds are counted: [`StripeRefunds::ChargeRefunded`] unless set.
    #[must_use]
    pub fn refunds_from(mut self, events: StripeRefunds) -> Self {
        self.change().stripe_refunds = Some(events);
        self
    }
}

impl WebhookEvent<Stripe> {
    /// The payment intent of a refund, dispute or charge.
    pub fn payment_intent(&self) -> Option<&str> {
        Fields(self.json()).get("data.object.payment_intent")?.as_str()
    }

    /// Which payment paid an invoice: in `invoice_payment.paid`, and before API 2025-03-31 in the invoice itself.
    pub fn invoice_payment(&self) -> Option<InvoicePayment<'_>> {
        let fields = Fields(self.json());
        let (invoice, payment_intent) = match self.kind() {
            "invoice_payment.paid" => ("data.object.invoice", "data.object.payment.payment_intent"),
            "invoice.paid" | "invoice.payment_succeeded" => ("data.object.id", "data.object.payment_intent"),
            _ => return None,
        };
        let text = |field| fields.get(field).and_then(Value::as_str);
        if text("data.object.billing_reason").is_some_and(|reason| !reason.starts_with("subscription")) {
            return None;
        }
        Some(InvoicePayment { invoice: text(invoice)?, payment_intent: text(payment_intent)? })
    }
}

const SCHEME: TimedHex =
    TimedHex { header: "stripe-signature", separator: ',', time: "t", signature: "v1", joint: b"." };

impl Provider for Stripe {
    const NAME: &'static str = "Stripe";
}

impl Rules for Stripe {
    const SIGNATURE: &'static str = SCHEME.header;

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
        // A session says it; an invoice says what it is without.
        amount("data.object.total_details.amount_tax")
            .or_else(|| amount("data.object.total")?.checked_sub(amount("data.object.total_excluding_tax")?))
    }

    fn program_id(event: &WebhookEvent<Self>) -> Option<&str> {
        let fields = Fields(event.json());
        [sale::Place::Session, sale::Place::Parent, sale::Place::Invoice]
            .into_iter()
            .find_map(|place| fields.get(&format!("{}.{PROGRAM_ID}", place.path()))?.as_str())
            .filter(|id| !id.trim().is_empty())
    }

    fn other_sale(event: &WebhookEvent<Self>) -> Option<&str> {
        event.payment_intent()
    }

    fn tracking(event: &WebhookEvent<Self>) -> Tracking {
        match event.kind() {
            "checkout.session.completed" | "checkout.session.async_payment_succeeded" => sale::session(event),
            "invoice.paid" | "invoice.payment_succeeded" => sale::invoice(event),
            "refund.created" | "refund.updated" => refund::refund(event),
            // It succeeded before, or else there is nothing to undo; the event does not say which.
            "refund.failed" => Err(Ignored::CannotBeUndone.into()),
            "charge.refunded" => refund::charge(event),
            "charge.dispute.closed" => refund::dispute(event),
            _ => Err(Ignored::OtherType.into()),
        }
        .into()
    }
}
