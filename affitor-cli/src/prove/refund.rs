//! A refund is delivered, and what becomes of it.

use affitor::Currency;
use affitor_sandbox::{ApiCall, RequestRecord};

use super::{
    Proof, SETTLE,
    deliver::Endpoint,
    finding::{Finding, FindingId},
    names::PARTIAL_REFUND,
    sale::wrong_unit,
    watch::{Watch, is_double, is_settled},
};
use crate::{check::CheckStatus, format::money, payment::Delivery};

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

impl Proof {
    /// Delivers a refund, and checks that it arrives once. It is not redelivered: the service has no id of partial refunds, and is
    /// documented to keep a commission that was already reduced.
    pub(super) async fn refund(
        &mut self,
        name: &'static str,
        endpoint: &Endpoint,
        refund: &[Delivery],
        expected: Expected<'_>,
    ) {
        let watch = Watch::begin(&self.sandbox);
        let partial = self.report.status(PARTIAL_REFUND);
        let result = match endpoint.deliver(refund).await {
            Ok(()) => self.one_refund(&watch, expected, partial == Some(CheckStatus::Passed)).await,
            Err(finding) => Err(finding),
        };
        match result {
            Ok(()) => {
                let amount = money(expected.amount, expected.currency);
                self.report.passed(name, format!("{amount} were refunded, transaction {}", expected.sale));
            }
            // The same mistake as an earlier one, or what follows from the wrong refund of a part.
            Err(finding) if self.report.has(finding.id) || partial == Some(CheckStatus::Failed) => {
                self.report.skipped(&[name], "see above");
            }
            Err(finding) => self.report.failed(name, finding),
        }
    }

    async fn one_refund(&self, watch: &Watch, expected: Expected<'_>, is_later: bool) -> Result<(), Finding> {
        watch.until(self.wait, ApiCall::Refund, |calls| calls.iter().any(is_settled)).await;
        // A double one may come a moment later.
        let calls = watch.until(self.wait.min(SETTLE), ApiCall::Refund, is_double).await;
        if is_later && calls.is_empty() {
            let reason = "the handler ignores a refund after the first one, or one of the whole payment";
            return judge(&calls, expected).map_err(|finding| FindingId::NoRefund.because(finding.message, reason));
        }
        judge(&calls, expected)
    }
}

/// Returns what is wrong with a refund.
fn judge(calls: &[RequestRecord], expected: Expected<'_>) -> Result<(), Finding> {
    let recorded: Vec<_> = calls.iter().filter(|call| call.changed).collect();
    let Some(refund) = recorded.first() else { return Err(no_refund(calls, expected.sale)) };
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
            wrong_unit(sent, expected.amount)
                .unwrap_or("the amount is the running total of the charge, or the amount of the payment"),
        )),
        None if !expected.is_rest => Err(FindingId::WrongAmount.because(
            format!("{} were refunded, and a full refund was reported", money(expected.amount, expected.currency)),
            "each refund is reported without its amount, which means the whole payment",
        )),
        _ => Ok(()),
    }
}

fn no_refund(calls: &[RequestRecord], sale: &str) -> Finding {
    match calls.last() {
        None => FindingId::NoRefund.found("the app accepted the webhooks of the refund, but no refund arrived"),
        Some(call) if call.status == Some(404) => {
            let id = call.transaction_id.as_deref().unwrap_or("?");
            let message = format!(
                "the refund was reported for {id}, which no sale has; the sale of the refunded payment is {sale}"
            );
            FindingId::RefundIdDiffers.found(message)
        }
        Some(call) if call.status == Some(401) => FindingId::NoRefund.because(
            format!("the sandbox rejected the refund: {}", call.error.as_deref().unwrap_or("status 401")),
            "the part of the app that reports refunds does not read its API key from AFFITOR_API_KEY",
        ),
        Some(call) => FindingId::NoRefund.because(
            format!("the refund had no effect: {}", call.error.as_deref().unwrap_or("no reason")),
            "see the service's message",
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::prove::sale::tests::calls;

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
            let result = judge(&calls(&fields), expected);
            assert_eq!(result.err().map(|finding| finding.id), id, "{fields:?}");
        }
    }
}
