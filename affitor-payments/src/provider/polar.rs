//! Polar.

mod facts;

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

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

/// Polar, which uses Standard Webhooks. A secret created before 2026-09-08, or chosen by the merchant, is used as it is; a newer
/// one is base64 after `whsec_`. Both interpretations are accepted.
///
/// # Required events
///
/// `order.paid` for sales and renewals; `order.refunded` for refunds.
///
/// - The amount is `total_amount`, including tax. Renewals (`billing_reason=subscription_cycle`) and changes of a subscription
///   (`subscription_update`) are tracked as recurring.
/// - `refunded_amount` and `refunded_tax_amount` are running totals. The [`Webhook`](crate::Webhook#memory) remembers what was reported;
///   after a restart, the whole total counts as new. A ledger remembers it.
/// - Polar delivers in order and holds back later webhooks while one fails. So a refund with an unknown sale does not ask for
///   redelivery.
/// - The customer is the checkout's `metadata.user_id`, else the customer's `external_id`, else Polar's `customer_id`. The click id
///   is `metadata.affitor_click_id`, or the parameter `reference_id` of a checkout link.
/// - Webhooks of Polar's sandbox are not marked as tests: see [`Webhook::test_mode`](crate::Webhook::test_mode).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Polar;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNED: &str = "webhook-signature";

impl Provider for Polar {
    const NAME: &'static str = "Polar";
    const SECRET_VARIABLE: &'static str = "POLAR_WEBHOOK_SECRET";
}

impl Rules for Polar {
    const SIGNATURE: &'static str = SIGNED;
    const METADATA_HELP: &'static str =
        "add `user_id` to the metadata of the checkout, or set the customer's external id";

    fn verify(signed: &Signed<'_>) -> Result<(), VerifyError> {
        let id = signed.header(ID)?;
        let time = signed.header(TIMESTAMP)?;
        let seconds: i64 = time.parse().map_err(|_| VerifyError::MalformedHeader { name: TIMESTAMP })?;
        // `v1,…` for each secret, separated by spaces. Other versions are ignored.
        let given = signed.header(SIGNED)?.split(' ').filter_map(|part| part.strip_prefix("v1,"));
        let expected: Vec<String> = signed
            .secrets()
            .flat_map(|secret| [Some(secret.to_vec()), decoded(secret)])
            .filter_map(|key| signature(&key?, id, &seconds.to_string(), signed.body))
            .collect();
        signed.any_matches(given.map(|given| given.as_bytes().to_vec()), &expected)?;
        signed.in_time(seconds)
    }

    fn sign(secret: &[u8], id: &str, body: &[u8], seconds: u64) -> Vec<(&'static str, String)> {
        let (key, time) = (decoded(secret).unwrap_or_else(|| secret.to_vec()), seconds.to_string());
        let signature = signature(&key, id, &time, body).unwrap_or_default();
        vec![(ID, id.to_owned()), (TIMESTAMP, time), (SIGNED, format!("v1,{signature}"))]
    }

    fn id(_: &Value) -> Option<Cow<'_, str>> {
        None
    }

    fn kind(json: &Value) -> Option<&str> {
        json.get("type")?.as_str()
    }

    fn occurred_at(json: &Value) -> Option<SystemTime> {
        Fields(json).time("timestamp").or_else(|| Fields(json).time("data.modified_at"))
    }

    fn tax(json: &Value) -> Option<u64> {
        Fields(json).get("data.tax_amount")?.as_u64()
    }

    const OVERTAKES: Duration = Duration::ZERO;

    fn facts(json: &Value, moment: Moment) -> Found<Facts> {
        let fields = Fields(json);
        match fields.required_text("type")? {
            "order.created" | "order.paid" | "order.refunded" | "order.updated" => {}
            "refund.created" | "refund.updated" => {
                return Err(Ignored::CountedElsewhere { by: "order.refunded" }.into());
            }
            _ => return Err(Ignored::OtherType.into()),
        }
        facts::order(Fields(fields.get("data").ok_or(Refused::MissingField { field: "data" })?), moment)
    }

    fn object_facts(object: &Value, now: u64) -> Found<Facts> {
        facts::order(Fields(object), Moment { at: now, now })
    }

    fn announced(json: &Value) -> Found<Announced> {
        Ok(match Self::kind(json) {
            Some("order.created" | "order.paid") => Announced::Payment,
            Some("order.refunded") => Announced::Refund,
            _ => Announced::Nothing,
        })
    }
}

/// Returns the key of a secret that is base64 after `whsec_`.
fn decoded(secret: &[u8]) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix(b"whsec_")?).ok()?;
    // An empty key would be one that everybody knows.
    Some(key).filter(|key| !key.is_empty())
}

/// Returns the signature of Standard Webhooks, without its version.
fn signature(key: &[u8], id: &str, time: &str, body: &[u8]) -> Option<String> {
    let signature = hmac(key, &[id.as_bytes(), b".", time.as_bytes(), b".", body])?;
    Some(STANDARD.encode(signature))
}
