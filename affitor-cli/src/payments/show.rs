//! Shows payments of the ledger.

use affitor_outbox::{Database, LedgerPayment, Outbox, PaymentFilter, SeenWebhook};
use clap::Args;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{database::failed, exit::Exit, failure::Failure, output::Output, redact::redacted, sanitize::sanitized};

/// The statuses of a payment.
const STATUSES: [&str; 14] = [
    "reported",
    "held",
    "conflict",
    "not_paid",
    "nothing_paid",
    "no_customer",
    "other_program",
    "unsupported_currency",
    "before_ledger",
    "read_by_affitor",
    "counted_as",
    "sale_unknown",
    "not_ours",
    "discarded",
];

#[derive(Args, Debug)]
pub(super) struct Page {
    /// Only payments with this status
    #[arg(long, value_parser = STATUSES)]
    status: Option<String>,
    /// Only payments that a person should check
    #[arg(long)]
    check: bool,
    /// Maximum number of payments
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Start after this transaction id, to show the next page
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    after: String,
}

pub(super) async fn explain<DB: Database>(id: &str, outbox: &Outbox<DB>, output: Output) -> Result<Exit, Failure> {
    let story = outbox.explain_payment(id.trim()).await.map_err(|error| failed(&error))?;
    let Some(mut story) = story else {
        let hint = "check the id; `affitor payments reconcile` finds payments whose webhooks did not arrive";
        return Err(Failure::new(Exit::Failed, "the ledger knows nothing with this id", hint));
    };
    story.ids = clean_all(story.ids);
    story.webhooks = clean_all(story.webhooks);
    story.payments = clean_all(story.payments);
    story.reversals = clean_all(story.reversals);
    story.reports = clean_all(story.reports);
    output.document(&story);
    output.line(story.to_string().trim());
    Ok(Exit::Success)
}

pub(super) async fn list<DB: Database>(page: &Page, outbox: &Outbox<DB>, output: Output) -> Result<Exit, Failure> {
    let mut filter = PaymentFilter::default();
    if let Some(status) = &page.status {
        filter = filter.status(status);
    }
    if page.check {
        filter = filter.to_check();
    }
    let found = outbox.list_payments(filter, &page.after, page.limit).await;
    let payments: Vec<LedgerPayment> = clean_all(found.map_err(|error| failed(&error))?);
    output.document(&json!({ "payments": payments }));
    for payment in &payments {
        output.line(payment.to_string().trim_end());
    }
    match payments.last() {
        None => output.line("no payments"),
        Some(last) if payments.len() == usize::try_from(page.limit).unwrap_or(usize::MAX) => {
            output.line(&format!("there may be more; continue with --after {}", last.transaction_id));
        }
        Some(_) => {}
    }
    Ok(Exit::Success)
}

/// Lists webhooks that can't be read.
pub(super) async fn refused<DB: Database>(limit: u32, outbox: &Outbox<DB>, output: Output) -> Result<Exit, Failure> {
    let found = outbox.refused_webhooks(limit).await.map_err(|error| failed(&error))?;
    let webhooks: Vec<SeenWebhook> = clean_all(found);
    output.document(&json!({ "refused_webhooks": webhooks }));
    for webhook in &webhooks {
        output.line(&format!("{} {}: {}", webhook.event_id, webhook.kind, webhook.decision));
    }
    if webhooks.is_empty() {
        output.line("no refused webhooks");
    } else {
        output.hint("compare each with the provider's dashboard, and report a missing payment yourself");
    }
    Ok(Exit::Success)
}

/// Redacts e-mail addresses, and replaces what is not safe to print.
fn clean_all<T: Serialize + DeserializeOwned>(values: Vec<T>) -> Vec<T> {
    values
        .into_iter()
        .map(|value| {
            let redacted = serde_json::to_value(&value).map(redacted).and_then(serde_json::from_value);
            // Redaction replaces texts only, so the value can be read.
            sanitized(redacted.unwrap_or(value), None)
        })
        .collect()
}
