//! What became of a payment: pure decisions from the requests that the sandbox has received.

use std::collections::HashSet;

use affitor_sandbox::RequestRecord;

use super::{
    customer_key::differs,
    finding::{Finding, FindingId},
    lead::is_test,
    purchase::Purchase,
    shown::customer,
};
use crate::format::money;

/// Returns the only sale that was recorded, or what is wrong. `known` are the customer keys of all visitors who have signed up, and
/// `missing` is the finding if nothing has arrived.
pub(super) fn sale<'c>(
    calls: &'c [RequestRecord],
    purchase: &Purchase,
    known: &HashSet<String>,
    missing: FindingId,
) -> Result<&'c RequestRecord, Finding> {
    let recorded: Vec<_> = calls.iter().filter(|call| call.changed).collect();
    let Some(first) = recorded.first() else { return Err(no_sale(calls, purchase, known, missing)) };
    if let Some(call) = recorded.iter().find(|call| is_test(call)) {
        let id = call.transaction_id.as_deref().unwrap_or_default();
        return Err(FindingId::TestMode.found(format!("the sale {id} is a test event, for which nobody is paid")));
    }
    if let Some(finding) = double(&recorded) {
        return Err(finding);
    }
    if let Some(finding) = other_customer(first, purchase, known) {
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
        let has_currency = first.currency.as_deref() == Some(currency.as_str());
        let reason = match first.amount_cents {
            _ if !has_currency => Some("the currency is missing or fixed: without one, the service takes USD"),
            Some(sent) => wrong_unit(sent, amount),
            None => None,
        };
        let finding = FindingId::WrongAmount.found(message);
        return Err(Finding { hint: reason.map_or(finding.hint, str::to_owned), ..finding });
    }
    Ok(first)
}

/// Returns the reason if an amount looks like one in another unit.
pub(super) fn wrong_unit(sent: u64, paid: u64) -> Option<&'static str> {
    if sent == paid {
        None
    } else if sent == paid * 100 {
        Some("the amount, which is in cents, is multiplied by 100")
    } else if sent == paid / 100 || sent == paid.div_ceil(100) {
        Some("the amount is in whole units of the currency: report it in the smallest one, such as cents")
    } else if sent.is_multiple_of(100) && sent.abs_diff(paid) < 100 {
        Some("the amount is cut or rounded to whole units of the currency: keep it in the smallest one, such as cents")
    } else {
        None
    }
}

/// Returns the finding if one payment was recorded as several sales.
pub(super) fn double(recorded: &[&RequestRecord]) -> Option<Finding> {
    let sale = |call: &&RequestRecord| {
        let id = call.transaction_id.as_deref().unwrap_or("?");
        call.amount().map_or_else(|| id.to_owned(), |amount| format!("{id} ({amount})"))
    };
    let sales: Vec<_> = recorded.iter().map(sale).collect();
    let count = sales.len();
    let found =
        || FindingId::DoubleReporting.found(format!("one payment was reported as {count} sales: {}", sales.join(", ")));
    (count > 1).then(found)
}

fn no_sale(calls: &[RequestRecord], purchase: &Purchase, known: &HashSet<String>, missing: FindingId) -> Finding {
    let Some(call) = calls.last() else {
        return missing.found("the app accepted all webhooks of the payment, but no sale arrived");
    };
    let error = call.error.as_deref().unwrap_or("no reason");
    if call.status == Some(401) {
        let reason = "the part of the app that reports sales does not read its API key from AFFITOR_API_KEY";
        return missing.because(format!("the sandbox rejected the sale: {error}"), reason);
    }
    if call.status == Some(409) {
        let id = call.transaction_id.as_deref().unwrap_or("?");
        let message = format!("the payment was reported with the transaction id {id}, which an earlier sale has");
        return missing.because(message, "each payment needs a transaction id of its own");
    }
    let unattributed = || FindingId::SaleNotAttributed.found(format!("the sale was not attributed: {error}"));
    other_customer(call, purchase, known).unwrap_or_else(unattributed)
}

/// Returns the finding if a sale names another customer than the lead.
fn other_customer(call: &RequestRecord, purchase: &Purchase, known: &HashSet<String>) -> Option<Finding> {
    let (sent, lead) = (call.customer_key.as_deref()?, &*purchase.customer_key);
    let error = call.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let message =
        format!("the sale has the customer key {}, and the lead has {}{error}", customer(sent), customer(lead));
    (sent != lead).then(|| differs(message, sent, lead, known))
}

#[cfg(test)]
pub(super) mod tests {
    use affitor::Currency;
    use serde_json::{Value, json};

    use super::*;

    /// Calls as the sandbox records them.
    pub(in crate::prove) fn calls(fields: &[Value]) -> Vec<RequestRecord> {
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
            (vec![json!({ "amount_cents": 4800 })], Err("wrong-amount")),
            (vec![json!({ "currency": "EUR" })], Err("wrong-amount")),
            (vec![json!({ "customer_key": "user_8" })], Err("customer-key-differs")),
            (vec![json!({ "customer_key": null })], Ok("in_1")),
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
            let result = sale(&calls, &purchase, &HashSet::from(["user_8".to_owned()]), FindingId::NoSale);
            if let Err(finding) = &result {
                assert!(!finding.message.contains('@'), "{}", finding.message);
            }
            let result = result.map(|call| call.transaction_id.as_deref().unwrap()).map_err(|finding| finding.id);
            assert_eq!(result, expected, "{fields:?}");
        }
    }
}
