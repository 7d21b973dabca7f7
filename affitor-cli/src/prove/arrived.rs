//! What became of a payment: pure decisions from the requests that the sandbox has received.

use affitor::Currency;
use affitor_sandbox::RequestRecord;

use super::{
    finding::{Finding, FindingId},
    lead::is_test,
    purchase::Purchase,
    shown::customer,
};
use crate::format::money;

/// The refund that is expected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'e> {
    /// Transaction id of the refunded sale.
    pub(super) sale: &'e str,
    /// Amount in the currency's smallest unit.
    pub(super) amount: u64,
    pub(super) currency: Currency,
    /// Whether nothing of the payment is left.
    pub(super) is_rest: bool,
}

/// Returns the only sale that was recorded, or what is wrong. `missing` is the finding if nothing has arrived.
pub(super) fn sale<'c>(
    calls: &'c [RequestRecord],
    purchase: &Purchase,
    missing: FindingId,
) -> Result<&'c RequestRecord, Finding> {
    let recorded: Vec<_> = calls.iter().filter(|call| call.changed).collect();
    let Some(first) = recorded.first() else { return Err(no_sale(calls, purchase, missing)) };
    if let Some(call) = recorded.iter().find(|call| is_test(call)) {
        let id = call.transaction_id.as_deref().unwrap_or_default();
        return Err(FindingId::TestMode.found(format!("the sale {id} is a test event, for which nobody is paid")));
    }
    if let Some(finding) = double(&recorded) {
        return Err(finding);
    }
    let (amount, currency) = (purchase.amount_cents, purchase.currency);
    if first.amount_cents != Some(amount) || first.currency.as_deref() != Some(currency.as_str()) {
        let reported = first.amount().unwrap_or_default();
        let paid = money(amount, currency);
        let list_price = amount + purchase.discount_cents;
        if first.amount_cents == Some(list_price) && purchase.discount_cents > 0 {
            let off = money(purchase.discount_cents, currency);
            let message = format!(
                "the sale is {reported}, and the customer paid {paid}: the list price less a discount of {off}"
            );
            let reason = "the handler reports the price of its own list, or the subtotal, in place of what was paid";
            return Err(FindingId::WrongAmount.because(message, reason));
        }
        let message = format!("the sale is {reported}, and the customer paid {paid}");
        return Err(FindingId::WrongAmount.found(message));
    }
    Ok(first)
}

/// Returns the finding if one payment was recorded as several sales.
pub(super) fn double(recorded: &[&RequestRecord]) -> Option<Finding> {
    let ids: Vec<_> = recorded.iter().filter_map(|call| call.transaction_id.as_deref()).collect();
    let count = ids.len();
    let found =
        || FindingId::DoubleReporting.found(format!("one payment was reported as {count} sales: {}", ids.join(", ")));
    (count > 1).then(found)
}

fn no_sale(calls: &[RequestRecord], purchase: &Purchase, missing: FindingId) -> Finding {
    let Some(call) = calls.last() else {
        return missing.found("the app accepted all webhooks of the payment, but no sale arrived");
    };
    let error = call.error.as_deref().unwrap_or("no reason");
    if call.status == Some(401) {
        let reason = "the app does not read its API key from AFFITOR_API_KEY";
        return missing.because(format!("the sandbox rejected the sale: {error}"), reason);
    }
    if call.status == Some(409) {
        let id = call.transaction_id.as_deref().unwrap_or("?");
        let message = format!("the payment was reported with the transaction id {id}, which an earlier sale has");
        return missing.because(message, "each payment needs a transaction id of its own");
    }
    match call.customer_key.as_deref() {
        Some(key) if key != purchase.customer_key => {
            let (key, lead) = (customer(key), customer(&purchase.customer_key));
            let message = format!("the sale has the customer key {key}, and the lead has {lead}: {error}");
            FindingId::CustomerKeyDiffers.found(message)
        }
        _ => FindingId::SaleNotAttributed.found(format!("the sale was not attributed: {error}")),
    }
}

/// Returns what is wrong with a refund.
pub(super) fn refund(calls: &[RequestRecord], expected: Expected<'_>) -> Result<(), Finding> {
    let recorded: Vec<_> = calls.iter().filter(|call| call.changed).collect();
    let Some(refund) = recorded.first() else { return Err(no_refund(calls)) };
    let id = refund.transaction_id.as_deref().unwrap_or("?");
    if id != expected.sale {
        let message =
            format!("the refund was reported for {id}, and the sale of the refunded payment is {}", expected.sale);
        return Err(FindingId::RefundIdDiffers.found(message));
    }
    if recorded.len() > 1 {
        return Err(FindingId::DoubleReporting.because(
            "one refund was reported twice",
            "Stripe reports each refund on the charge and as a refund; only one of them may count",
        ));
    }
    match refund.amount_cents {
        Some(sent) if sent != expected.amount => Err(FindingId::WrongAmount.because(
            format!(
                "{} were refunded, and {} were reported",
                money(expected.amount, expected.currency),
                money(sent, expected.currency)
            ),
            "the amount is the running total of the charge, or in another unit",
        )),
        None if !expected.is_rest => Err(FindingId::WrongAmount.because(
            format!("{} were refunded, and a full refund was reported", money(expected.amount, expected.currency)),
            "the handler uses `Refund::full` for each refund",
        )),
        _ => Ok(()),
    }
}

fn no_refund(calls: &[RequestRecord]) -> Finding {
    match calls.last() {
        None => FindingId::NoRefund.found("the app accepted the webhooks of the refund, but no refund arrived"),
        Some(call) if call.status == Some(404) => {
            let id = call.transaction_id.as_deref().unwrap_or("?");
            let message = format!("the refund was reported for {id}, and there is no sale with this transaction id");
            FindingId::RefundIdDiffers.found(message)
        }
        Some(call) => FindingId::NoRefund.because(
            format!("the refund had no effect: {}", call.error.as_deref().unwrap_or("no reason")),
            "see the service's message",
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A call as the sandbox records it.
    fn calls(fields: &[Value]) -> Vec<RequestRecord> {
        let record = |fields: &Value| {
            let mut record = json!({
                "number": 1, "call": "sale", "method": "POST", "path": "/", "status": 200, "error": null, "hint": null,
                "changed": true, "has_key": true, "fault": null, "transaction_id": "in_1", "customer_key": "user_7",
                "click_id": null, "event": "sale", "partner_code": null, "amount_cents": 4900, "currency": "USD", "at_ms": 0,
            });
            record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            serde_json::from_value(record).unwrap()
        };
        fields.iter().map(record).collect()
    }

    #[test]
    fn each_result_of_a_sale() {
        let customer_key = "user_7".to_owned();
        let purchase = Purchase {
            customer_key,
            amount_cents: 4_900,
            discount_cents: 490,
            currency: Currency::USD,
            is_subscription: false,
            session: None,
        };
        let refused = |status: u16| json!({ "changed": false, "status": status, "error": "No" });
        for (fields, expected) in [
            (vec![json!({})], Ok("in_1")),
            (vec![json!({}), json!({ "changed": false, "status": 409 })], Ok("in_1")),
            (vec![refused(500), json!({})], Ok("in_1")),
            (vec![json!({}), json!({ "transaction_id": "cs_1" })], Err("double-reporting")),
            (vec![json!({ "event": null, "amount_cents": null })], Err("test-mode")),
            (vec![json!({ "amount_cents": 49 })], Err("wrong-amount")),
            (vec![json!({ "amount_cents": 5390 })], Err("wrong-amount")),
            (vec![json!({ "currency": "EUR" })], Err("wrong-amount")),
            (vec![], Err("no-sale")),
            (vec![refused(401)], Err("no-sale")),
            (vec![refused(400)], Err("sale-not-attributed")),
            (vec![refused(409)], Err("no-sale")),
            (
                vec![json!({ "changed": false, "status": 400, "customer_key": "jo@example.com" })],
                Err("customer-key-differs"),
            ),
        ] {
            let calls = calls(&fields);
            let result = sale(&calls, &purchase, FindingId::NoSale);
            if let Err(finding) = &result {
                assert!(!finding.message.contains('@'), "{}", finding.message);
            }
            let result = result.map(|call| call.transaction_id.as_deref().unwrap()).map_err(|finding| finding.id);
            assert_eq!(result, expected, "{fields:?}");
        }
    }

    #[test]
    fn each_result_of_a_refund() {
        let part = Expected { sale: "in_1", amount: 1_000, currency: Currency::USD, is_rest: false };
        let rest = Expected { amount: 3_900, is_rest: true, ..part };
        let of = |amount: Option<u64>| json!({ "amount_cents": amount });
        for (fields, expected, id) in [
            (vec![of(Some(1_000))], part, None),
            (vec![of(Some(3_900))], rest, None),
            (vec![of(None)], rest, None),
            (vec![of(Some(1_000)), of(Some(1_000))], part, Some("double-reporting")),
            (vec![of(None)], part, Some("wrong-amount")),
            (vec![of(Some(4_900))], rest, Some("wrong-amount")),
            (vec![of(Some(1))], rest, Some("wrong-amount")),
            (vec![json!({ "transaction_id": "in_0", "amount_cents": 1_000 })], part, Some("refund-id-differs")),
            (
                vec![json!({ "changed": false, "status": 404, "transaction_id": "ch_1" })],
                part,
                Some("refund-id-differs"),
            ),
            (vec![json!({ "changed": false, "error": "already reversed" })], part, Some("no-refund")),
            (vec![], part, Some("no-refund")),
        ] {
            let result = refund(&calls(&fields), expected);
            assert_eq!(result.err().map(|finding| finding.id), id, "{fields:?}");
        }
    }
}
