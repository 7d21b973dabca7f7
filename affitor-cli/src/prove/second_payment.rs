//! The buyer pays once more, and the response of the service is lost.

use std::time::Duration;

use affitor_sandbox::{ApiCall, Fault, RequestRecord};

use super::{
    Proof,
    deliver::Endpoint,
    finding::{Finding, FindingId},
    names::SECOND,
    purchase::Purchase,
    sale::double,
    sign_up::Buyer,
    watch::Watch,
};

/// How long an app without a response waits before it tries again.
const NEXT_ATTEMPT: Duration = Duration::from_secs(8);

impl Proof {
    /// The buyer pays for something else: it is a sale of its own. Returns whether it is right, if that could be checked.
    pub(super) async fn second_payment(
        &mut self,
        endpoint: &Endpoint,
        buyer: &mut Buyer,
        purchase: &Purchase,
    ) -> Option<bool> {
        let Some(second) = self.check_out_again(buyer, purchase).await else {
            if self.is_manual {
                self.report.skipped(&[SECOND], "it needs a second checkout");
            } else {
                let message = "not checked: a second checkout created no session. If everybody gets the same payment page, the wrong \
                               customer pays";
                self.report.warning(SECOND, message);
            }
            return None;
        };
        let watch = Watch::begin(&self.sandbox);
        let paid = second.payment(endpoint.provider).paid();
        self.sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Sale));
        let sale = self.sale(endpoint, &paid, &second, &watch, FindingId::NoSecondSale).await;
        self.sandbox.clear_faults();
        // The app has no response, so it may try again.
        let calls = watch.until(self.wait.min(NEXT_ATTEMPT), ApiCall::Sale, |calls| calls.len() > 1).await;
        Some(self.judge(SECOND, after_lost_response(sale, &calls), None).is_some())
    }
}

/// Names what follows from a sale that is recorded, and whose response is lost.
fn after_lost_response(
    sale: Result<RequestRecord, Finding>,
    calls: &[RequestRecord],
) -> Result<RequestRecord, Finding> {
    let recorded: Vec<_> = calls.iter().filter(|call| call.changed).collect();
    if recorded.len() > 1
        && let Some(finding) = double(&recorded)
    {
        let reason = "the first attempt had no response, and the next one had another transaction id: derive the id from the payment";
        return Err(Finding { hint: reason.to_owned(), ..finding });
    }
    let is_told = calls.iter().any(|call| call.status == Some(409));
    sale.map_err(|finding| match finding.id == FindingId::WebhookFailed.as_str() && is_told {
        true => {
            let reason = "the response to the first attempt was lost, and the app takes 409 for an error: it says that the sale is \
                          recorded already, so respond with 200";
            Finding { hint: reason.to_owned(), ..finding }
        }
        false => finding,
    })
}
