//! Stripe.

use std::{borrow::Cow, time::SystemTime};

use serde_json::Value;

use super::{
    Ignored, Provider, Refused, Tracking, VerifyError, Webhook, WebhookEvent,
    read::{Fields, Found, some, wrong},
    sealed::Rules,
    signature::{Signed, TimedHex},
};
use crate::{
    Event, Refund, Sale, SubscriptionInterval,
    stripe::{CLICK_ID, PROGRAM_ID},
};

/// Stripe, with Checkout. The secret is the endpoint's whole `whsec_…`. What is paid without Checkout (with Elements, say) is
/// reported by hand, with [`Sale`].
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
///   Stripe sends no event of the session when it is. Report it with [`Sale`].)
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
        [Place::Session, Place::Parent, Place::Invoice]
            .into_iter()
            .find_map(|place| fields.get(&format!("{}.{PROGRAM_ID}", place.path()))?.as_str())
            .filter(|id| !id.trim().is_empty())
    }

    fn other_sale(event: &WebhookEvent<Self>) -> Option<&str> {
        event.payment_intent()
    }

    fn tracking(event: &WebhookEvent<Self>) -> Tracking {
        match event.kind() {
            "checkout.session.completed" | "checkout.session.async_payment_succeeded" => session(event),
            "invoice.paid" | "invoice.payment_succeeded" => invoice(event),
            "refund.created" | "refund.updated" => refund(event),
            // It succeeded before, or else there is nothing to undo; the event does not say which.
            "refund.failed" => Err(Ignored::CannotBeUndone.into()),
            "charge.refunded" => charge(event),
            "charge.dispute.closed" => dispute(event),
            _ => Err(Ignored::OtherType.into()),
        }
        .into()
    }
}

fn session(event: &WebhookEvent<Stripe>) -> Found<Event> {
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

fn invoice(event: &WebhookEvent<Stripe>) -> Found<Event> {
    let fields = Fields(event.json());
    match fields.text("data.object.billing_reason")? {
        Some("subscription_cycle") => {}
        Some("subscription_create") => {
            return Err(Ignored::CountedElsewhere { by: "checkout.session.completed" }.into());
        }
        _ => return Err(Ignored::OtherInvoice.into()),
    }
    // Where the subscription's metadata stands since API 2025-03-31, and before.
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
        Some(id) => sale.subscription(id, interval(fields)),
        None => sale,
    };
    Ok(sale.recurring(true).into())
}

/// Where the metadata of a sale stands.
#[derive(Clone, Copy)]
enum Place {
    Session,
    Parent,
    Invoice,
}

impl Place {
    fn path(self) -> &'static str {
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

/// How often the subscription of an invoice is paid, where its first line says it and the API has a word for it.
fn interval(fields: Fields<'_>) -> Option<SubscriptionInterval> {
    let line = Fields(fields.get("data.object.lines.data")?.get(0)?);
    let recurring = Fields(line.get("price.recurring").or_else(|| line.get("plan"))?);
    let count = recurring.get("interval_count").map_or(Some(1), Value::as_u64)?;
    match (recurring.get("interval")?.as_str()?, count) {
        ("month", 1) => Some(SubscriptionInterval::Monthly),
        ("month", 3) => Some(SubscriptionInterval::Quarterly),
        ("month", 12) | ("year", 1) => Some(SubscriptionInterval::Annual),
        _ => None,
    }
}

/// Which event counts a refund of this endpoint.
fn counting(event: &WebhookEvent<Stripe>) -> StripeRefunds {
    event.settings.stripe_refunds.unwrap_or(StripeRefunds::ChargeRefunded)
}

fn refund(event: &WebhookEvent<Stripe>) -> Found<Event> {
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
    // An update that was about something else: a reference number, say.
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

fn charge(event: &WebhookEvent<Stripe>) -> Found<Event> {
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
    // A running total is reached once: it is as good a name as the refund's own, which the event doesn't always have.
    let charge = fields.required_text("data.object.id")?;
    Ok(Refund::partial(transaction_id, now).refund_id(format_args!("{charge}:{total}")).into())
}

fn dispute(event: &WebhookEvent<Stripe>) -> Found<Event> {
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
