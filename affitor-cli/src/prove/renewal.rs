//! A renewal is a sale of its own, and so is the next one: pure decisions.

use affitor_sandbox::RequestRecord;

use super::finding::{Finding, FindingId};
use crate::payment::Delivery;

/// Returns the finding if a renewal has an id that the next renewal has too.
pub(super) fn not_shared(renewal: RequestRecord, paid: &[Delivery]) -> Result<RequestRecord, Finding> {
    let id = renewal.transaction_id.as_deref().unwrap_or_default();
    let quoted = format!("\"{id}\"");
    if !paid.iter().any(|delivery| delivery.body.contains(&quoted)) {
        return Ok(renewal);
    }
    let message = format!(
        "the renewal was reported as {id}, which is in the webhooks of the first payment too, so the next renewal will be a duplicate"
    );
    Err(FindingId::NoRenewal
        .because(message, "renewals are reported under the subscription's id: use the invoice's id"))
}

/// Finds out whether the sale has an id that renewals have too, such as that of the subscription.
pub(super) fn shared_id(finding: Finding, sale_id: &str, renewed: &[Delivery]) -> Finding {
    let is_shared = renewed.iter().any(|delivery| delivery.body.contains(sale_id));
    if finding.id != FindingId::NoRenewal.as_str() || !is_shared {
        return finding;
    }
    let reason = format!(
        "the first sale has the transaction id {sale_id}, which is in the webhooks of the renewal too, so renewals are duplicates: use \
         the invoice's id"
    );
    Finding { hint: reason, ..finding }
}
