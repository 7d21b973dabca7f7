//! Lemon Squeezy.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::{
    Ignored, Provider, Refused, Tracking, VerifyError, WebhookEvent,
    read::{Fields, Found, some, wrong},
    sealed::Rules,
    signature::{Signed, hmac},
};
use crate::{Event, Refund, Sale};

/// Lemon Squeezy. The secret is the webhook's signing secret.
///
/// # Which events the webhook needs
///
/// `order_created` and `subscription_payment_success` for sales and renewals; `order_refunded` and
/// `subscription_payment_refunded` for refunds.
///
/// - A subscription's first payment (`billing_reason=initial`) has an order too, and counts from there.
/// - Orders and invoices are numbered in two series: they are tracked as `ls_order_…` and `ls_invoice_…`.
/// - The customer is `user_id` of the checkout's custom data, else `user_email`. Give the former: an address changes. The
///   custom data's `affitor_click_id` is read where it is there.
/// - A pending, failed or fraudulent order does not count, and Lemon Squeezy sends no webhook when a pending one is paid later.
/// - `refunded_amount` is a running total, and nothing in the event says what it was before. The client remembers it of the last
///   10,000 payments; of one that was refunded before the process began, the shop says it with
///   [`TrackPayment::refunded_before`](https://docs.rs/affitor/latest/affitor/webhook/struct.TrackPayment.html#method.refunded_before).
/// - The scheme has no time: a webhook that somebody has recorded can be sent again at any later time. Sales and full refunds
///   count once all the same; of partial refunds see the module's last section.
/// - `test_mode` makes a test event.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LemonSqueezy;

const SIGNED: &str = "x-signature";

impl Provider for LemonSqueezy {
    const NAME: &'static str = "Lemon Squeezy";
}

impl Rules for LemonSqueezy {
    const SIGNATURE: &'static str = SIGNED;

    fn verify(signed: &Signed<'_>) -> Result<(), VerifyError> {
        let malformed = VerifyError::MalformedHeader { name: SIGNED };
        let given = hex::decode(signed.header(SIGNED)?).map_err(|_| malformed)?;
        let expected: Vec<_> = signed.secrets().filter_map(|secret| hmac(secret, &[signed.body])).collect();
        signed.any_matches([given], &expected)
    }

    fn sign(secret: &[u8], _: &str, body: &[u8], _: i64) -> Vec<(&'static str, String)> {
        vec![(SIGNED, hex::encode(hmac(secret, &[body]).unwrap_or_default()))]
    }

    fn id(json: &Value) -> Option<Cow<'_, str>> {
        Fields(json).get("meta.webhook_id")?.as_str().map(Cow::Borrowed)
    }

    fn kind(json: &Value) -> Option<&str> {
        Fields(json).get("meta.event_name")?.as_str()
    }

    fn occurred_at(json: &Value) -> Option<SystemTime> {
        // A refund's time is that of the last change.
        Fields(json).time("data.attributes.updated_at")
    }

    fn tax(json: &Value) -> Option<u64> {
        Fields(json).get("data.attributes.tax")?.as_u64()
    }

    const RUNNING_TOTAL: bool = true;
    /// It delivers three times more, within minutes.
    const OVERTAKES: Duration = Duration::from_secs(2 * 60);

    fn says_test(json: &Value) -> Result<bool, Refused> {
        let says = |path: &&str| Fields(json).get(path) == Some(&true.into());
        Ok(["meta.test_mode", "data.attributes.test_mode"].iter().any(says))
    }

    fn tracking(event: &WebhookEvent<Self>) -> Tracking {
        match event.kind() {
            "order_created" => payment(event, Kind::Order),
            "subscription_payment_success" => payment(event, Kind::Invoice),
            "order_refunded" => refund(event, Kind::Order),
            "subscription_payment_refunded" => refund(event, Kind::Invoice),
            _ => Err(Ignored::OtherType.into()),
        }
        .into()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Order,
    Invoice,
}

/// The id under which a payment is tracked; invoices that repeat an order have none.
fn transaction_id(fields: Fields<'_>, kind: Kind) -> Found<String> {
    let id = fields.required_id("data.id")?;
    if kind == Kind::Order {
        return Ok(format!("ls_order_{id}"));
    }
    if fields.required_text("data.attributes.billing_reason")? == "initial" {
        return Err(Ignored::CountedElsewhere { by: "order_created and order_refunded" }.into());
    }
    Ok(format!("ls_invoice_{id}"))
}

fn payment(event: &WebhookEvent<LemonSqueezy>, kind: Kind) -> Found<Event> {
    let fields = Fields(event.json());
    let transaction_id = transaction_id(fields, kind)?;
    match fields.required_text("data.attributes.status")? {
        // An order that is refunded by the time its webhook is delivered was paid all the same.
        "paid" | "refunded" | "partial_refund" => {}
        "pending" | "failed" | "fraudulent" | "void" => return Err(Ignored::NotPaid.into()),
        _ => {
            return Err(wrong(
                "data.attributes.status",
                "paid, pending, failed, fraudulent, void, refunded or partial_refund",
            ));
        }
    }
    let amount = some(fields.amount("data.attributes.total")?)?;
    let customer_key = match fields.id("meta.custom_data.user_id")? {
        None => fields.id("data.attributes.user_email")?.ok_or(Ignored::Unattributable)?,
        Some(id) => id,
    };
    let currency = fields.currency("data.attributes.currency", &event.settings)?;
    let mut sale = Sale::new(transaction_id, amount, currency)
        .customer_key(customer_key)
        .click_id(fields.click_id("meta.custom_data.affitor_click_id"));
    if kind == Kind::Invoice {
        sale = sale.subscription(fields.required_id("data.attributes.subscription_id")?, None).recurring(true);
    } else if let Some(product) = fields.id("data.attributes.first_order_item.product_id")? {
        sale = sale.product_id(product);
    }
    Ok(sale.into())
}

fn refund(event: &WebhookEvent<LemonSqueezy>, kind: Kind) -> Found<Event> {
    let fields = Fields(event.json());
    let transaction_id = transaction_id(fields, kind)?;
    let total = fields.amount("data.attributes.total")?;
    let refunded = some(fields.amount("data.attributes.refunded_amount")?)?;
    if refunded >= total {
        return Ok(Refund::full(transaction_id).into());
    }
    fields.currency("data.attributes.currency", &event.settings)?;
    let refund_id = format!("{transaction_id}:{refunded}");
    Ok(Refund::partial(transaction_id, refunded).refund_id(refund_id).into())
}
