//! Lemon Squeezy.

mod facts;

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use self::facts::Series;
use super::{
    Provider,
    announced::Announced,
    ignored::{Ignored, Refused},
    read::{Fields, Found, Moment},
    sealed::Rules,
    signature::{Signed, hmac},
    verify_error::VerifyError,
};
use crate::ledger::Facts;

/// Lemon Squeezy. The secret is the webhook's signing secret.
///
/// # Required events
///
/// `order_created` and `subscription_payment_success` for sales and renewals; `order_refunded` and
/// `subscription_payment_refunded` for refunds.
///
/// - The first payment of a subscription (`billing_reason=initial`) also has an order, and counts with that.
/// - Orders and invoices have separate number series, so they are tracked as `ls_order_…` and `ls_invoice_…`.
/// - The customer is `user_id` in the checkout's custom data, else `user_email`. Set the former: an address may change. The click id
///   is `affitor_click_id` in the custom data.
/// - A renewal or order without custom data inherits that of its subscription: subscribe to `subscription_created`. If that is not
///   known, Lemon Squeezy's customer names the user, if all of their paid orders agree. Lemon Squeezy tells customers apart by their
///   address alone, which anybody can enter.
/// - A pending, failed or fraudulent order does not count. Lemon Squeezy sends no webhook when a pending one is paid later.
/// - `refunded_amount` is a running total. The [`Webhook`](crate::Webhook#memory) remembers what was reported; after a restart, the
///   whole total counts as new. A ledger remembers it.
/// - Signatures have no time, so a recorded webhook can be replayed at any later time. Sales and full refunds still count once;
///   for partial refunds see [Duplicates and order](crate#duplicates-and-order).
/// - `test_mode` marks a test event.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LemonSqueezy;

const SIGNED: &str = "x-signature";

impl Provider for LemonSqueezy {
    const NAME: &'static str = "Lemon Squeezy";
    const SECRET_VARIABLE: &'static str = "LEMON_SQUEEZY_WEBHOOK_SECRET";
}

impl Rules for LemonSqueezy {
    const SIGNATURE: &'static str = SIGNED;
    const METADATA_HELP: &'static str = "add `user_id` to the custom data of the checkout";

    fn verify(signed: &Signed<'_>) -> Result<(), VerifyError> {
        let malformed = VerifyError::MalformedHeader { name: SIGNED };
        let given = hex::decode(signed.header(SIGNED)?).map_err(|_| malformed)?;
        let expected: Vec<_> = signed.secrets().filter_map(|secret| hmac(secret, &[signed.body])).collect();
        signed.any_matches([given], &expected)
    }

    fn sign(secret: &[u8], _: &str, body: &[u8], _: u64) -> Vec<(&'static str, String)> {
        vec![(SIGNED, hex::encode(hmac(secret, &[body]).unwrap_or_default()))]
    }

    fn id(json: &Value) -> Option<Cow<'_, str>> {
        Fields(json).get("meta.webhook_id")?.as_str().map(Cow::Borrowed)
    }

    fn kind(json: &Value) -> Option<&str> {
        Fields(json).get("meta.event_name")?.as_str()
    }

    fn occurred_at(json: &Value) -> Option<SystemTime> {
        // The time of a refund is the time of the last change.
        Fields(json).time("data.attributes.updated_at")
    }

    fn tax(json: &Value) -> Option<u64> {
        Fields(json).get("data.attributes.tax")?.as_u64()
    }

    const UNIQUE_ID: bool = false;
    /// It redelivers three times, within minutes.
    const OVERTAKES: Duration = Duration::from_secs(2 * 60);

    fn says_test(json: &Value) -> Result<bool, Refused> {
        let says = |path: &&str| Fields(json).get(path) == Some(&true.into());
        Ok(["meta.test_mode", "data.attributes.test_mode"].iter().any(says))
    }

    fn facts(json: &Value, moment: Moment) -> Found<Facts> {
        let fields = Fields(json);
        let series = match fields.required_text("meta.event_name")? {
            "order_created" | "order_refunded" => Series::Order,
            "subscription_payment_success" | "subscription_payment_refunded" | "subscription_payment_recovered" => {
                Series::Invoice
            }
            // They name the user.
            "subscription_created" | "subscription_updated" => {
                let data = Fields(fields.get("data").ok_or(Refused::MissingField { field: "data" })?);
                return facts::new_subscription(data, fields.get("meta.custom_data"))?.ok_or(Ignored::OtherType.into());
            }
            _ => return Err(Ignored::OtherType.into()),
        };
        let data = Fields(fields.get("data").ok_or(Refused::MissingField { field: "data" })?);
        facts::payment(series, data, fields.get("meta.custom_data"), true, moment)
    }

    fn object_facts(object: &Value, now: u64) -> Found<Facts> {
        let fields = Fields(object);
        let series = match fields.required_text("type")? {
            "orders" => Series::Order,
            "subscription-invoices" => Series::Invoice,
            _ => return Err(Ignored::OtherType.into()),
        };
        facts::payment(series, fields, None, false, Moment { at: now, now })
    }

    fn announced(json: &Value) -> Found<Announced> {
        Ok(match Self::kind(json) {
            Some("order_created" | "subscription_payment_success" | "subscription_payment_recovered") => {
                Announced::Payment
            }
            Some("order_refunded" | "subscription_payment_refunded") => Announced::Refund,
            _ => Announced::Nothing,
        })
    }
}
