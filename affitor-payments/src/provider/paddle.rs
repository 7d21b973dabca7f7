//! Paddle Billing.

mod facts;

use std::{borrow::Cow, time::SystemTime};

use serde_json::Value;

use super::{
    Provider,
    announced::Announced,
    ignored::{Ignored, Refused},
    read::{Fields, Found, Moment},
    sealed::Rules,
    signature::{Signed, TimedHex},
    verify_error::VerifyError,
};
use crate::ledger::Facts;

/// Paddle Billing. (Paddle Classic has another signature scheme.) The secret of the notification destination starts with
/// `pdl_ntfset_`.
///
/// # Required events
///
/// `transaction.completed` for sales and renewals; `adjustment.created` and `adjustment.updated` for refunds.
///
/// - The amount is `details.totals.total`, including tax.
/// - A refund counts once Paddle has approved it. A chargeback counts at once, because Paddle sends no event when it is final; a
///   reversed one must be checked by a person ([`Ignored::CannotBeUndone`]). Warnings and credits do not count.
/// - The customer is `custom_data.user_id` of the transaction, the click id is `custom_data.affitor_click_id`.
/// - Webhooks of Paddle's sandbox are not marked as tests: see [`Webhook::test_mode`](crate::Webhook::test_mode).
/// - Paddle's own libraries accept a signature for 5 seconds, this crate for 5 minutes: a short delay in front of an app must not
///   cost a partner's commission.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Paddle;

const SCHEME: TimedHex =
    TimedHex { header: "paddle-signature", separator: ';', time: "ts", signature: "h1", joint: b":" };

impl Provider for Paddle {
    const NAME: &'static str = "Paddle";
    const SECRET_VARIABLE: &'static str = "PADDLE_WEBHOOK_SECRET";
}

impl Rules for Paddle {
    const SIGNATURE: &'static str = SCHEME.header;
    const METADATA_HELP: &'static str = "add `user_id` to the custom data of the transaction";

    fn verify(signed: &Signed<'_>) -> Result<(), VerifyError> {
        signed.timed_hex(&SCHEME)
    }

    fn sign(secret: &[u8], _: &str, body: &[u8], seconds: u64) -> Vec<(&'static str, String)> {
        SCHEME.sign(secret, body, seconds)
    }

    fn id(json: &Value) -> Option<Cow<'_, str>> {
        json.get("event_id")?.as_str().map(Cow::Borrowed)
    }

    fn kind(json: &Value) -> Option<&str> {
        json.get("event_type")?.as_str()
    }

    fn occurred_at(json: &Value) -> Option<SystemTime> {
        Fields(json).time("occurred_at")
    }

    fn tax(json: &Value) -> Option<u64> {
        Fields(json).get("data.details.totals.tax")?.as_str()?.parse().ok()
    }

    fn facts(json: &Value, moment: Moment) -> Found<Facts> {
        let fields = Fields(json);
        let kind = fields.required_text("event_type")?;
        let data = Fields(fields.get("data").ok_or(Refused::MissingField { field: "data" })?);
        match kind {
            "adjustment.created" | "adjustment.updated" => facts::adjustment(data),
            _ if kind.starts_with("transaction.") => facts::transaction(data, moment),
            _ => Err(Ignored::OtherType.into()),
        }
    }

    fn object_facts(object: &Value, now: u64) -> Found<Facts> {
        let fields = Fields(object);
        match fields.text("transaction_id")? {
            Some(_) => facts::adjustment(fields),
            None => facts::transaction(fields, Moment { at: now, now }),
        }
    }

    fn announced(json: &Value) -> Found<Announced> {
        Ok(match Self::kind(json) {
            Some("transaction.completed") => Announced::Payment,
            Some("adjustment.created" | "adjustment.updated") => Announced::Refund,
            _ => Announced::Nothing,
        })
    }
}
