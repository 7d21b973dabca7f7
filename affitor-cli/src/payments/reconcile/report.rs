//! Prints what a reconciliation found.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{tally::Tally, times::rfc3339};
use crate::provider::PaymentProvider;
use crate::{
    check::CheckStatus,
    exit::Exit,
    failure::Failure,
    format::count,
    output::{BOLD, Output},
    redact::redacted,
    sanitize::sanitized,
};

pub(super) struct Report {
    pub(super) provider: PaymentProvider,
    pub(super) since: SystemTime,
    pub(super) dry_run: bool,
    pub(super) test: bool,
    pub(super) tally: Tally,
}

impl Report {
    /// Prints the report, and how to continue if not everything was read.
    pub(super) fn print(mut self, result: Result<(), Failure>, output: Output) -> Result<Exit, Failure> {
        for check in &mut self.tally.checks {
            check.id = clean(&check.id);
        }
        self.print_text(result.is_ok(), output);
        match result {
            Ok(()) => {
                output.document(&self.document(None));
                Ok(self.exit())
            }
            Err(failure) => {
                let failure = self.explain(failure);
                if !output.json {
                    return Err(failure);
                }
                output.document(&self.document(Some(&failure)));
                Ok(failure.exit)
            }
        }
    }

    fn exit(&self) -> Exit {
        let is_missing = self.dry_run && self.tally.payments.recorded > 0;
        if is_missing || self.tally.to_check > 0 { Exit::Failed } else { Exit::Success }
    }

    /// Says what was done before a failure.
    fn explain(&self, mut failure: Failure) -> Failure {
        let Tally { payments, enqueued, .. } = &self.tally;
        let done = if self.dry_run { "would be enqueued" } else { "are enqueued" };
        failure.message = format!(
            "{}; until then: {} read, {} and {} {done}",
            failure.message,
            count(payments.total(), "payment"),
            count(enqueued.sales, "sale"),
            count(enqueued.refunds, "refund"),
        );
        let next = "run the command again to read the rest: what is recorded is not recorded twice";
        failure.hint = Some(failure.hint.map_or_else(|| next.to_owned(), |hint| format!("{hint}; {next}")));
        failure
    }

    fn document(&self, failure: Option<&Failure>) -> Value {
        let Self { provider, since, dry_run, test, tally } = self;
        let mut document = json!({
            "provider": provider.id(),
            "mode": if *test { "test" } else { "live" },
            "since": rfc3339(*since),
            "dry_run": dry_run,
            "complete": failure.is_none(),
            "payments": tally.payments,
            "enqueued": tally.enqueued,
            "to_check": tally.to_check,
            "checks": tally.checks,
        });
        if let Some(failure) = failure {
            document["error"] = failure.json();
        }
        document
    }

    fn print_text(&self, complete: bool, output: Output) {
        let Self { provider, since, dry_run, test, tally } = self;
        let (mode, since) = (if *test { "test" } else { "live" }, rfc3339(*since));
        let part = if complete { "" } else { " (incomplete)" };
        output.line(&format!("{BOLD}{}{BOLD:#}, {mode} mode, payments since {since}{part}", provider.name()));
        let missing = if *dry_run { "missing, and would be recorded" } else { "missing until now, and recorded" };
        let unread = "can't be read with certainty";
        let unknown = "can't be attributed: no webhook has named the customer";
        let payments = &tally.payments;
        for (number, text, status) in [
            (payments.known, "known, and nothing is missing", CheckStatus::Passed),
            (payments.recorded, missing, if *dry_run { CheckStatus::Warning } else { CheckStatus::Passed }),
            (
                payments.before_ledger,
                "made before the ledger was started, and not reported as sales",
                CheckStatus::Skipped,
            ),
            (payments.not_ours, "not ours: no customer of this program is named", CheckStatus::Skipped),
            (payments.not_attributed, unknown, CheckStatus::Warning),
            (payments.refused, unread, CheckStatus::Failed),
        ] {
            if number > 0 {
                output.status(status, &format!("{} {text}", count(number, "payment")));
            }
        }
        let verb = if *dry_run { "would be enqueued" } else { "enqueued" };
        let (sales, refunds) = (count(tally.enqueued.sales, "sale"), count(tally.enqueued.refunds, "refund"));
        output.line(&format!("{sales} and {refunds} {verb}"));
        for check in &tally.checks {
            output.status(CheckStatus::Failed, &format!("check {}: {}", check.id, check.reason));
        }
        let more = tally.to_check - u64::try_from(tally.checks.len()).unwrap_or_default();
        if more > 0 {
            output.line(&format!("{} more to check", count(more, "payment")));
        }
        if tally.to_check > 0 {
            output.hint("`affitor payments explain <id>` shows what is known about a payment");
        }
        if payments.before_ledger > 0 {
            output.hint(
                "--report-older reports them, if nothing else has: decide before the first run without --dry-run",
            );
        }
        if complete && *dry_run && payments.recorded > 0 {
            output.hint("run the command without --dry-run to record them");
        }
    }
}

/// Makes an id of the provider safe to print.
fn clean(id: &str) -> String {
    match redacted(sanitized(json!(id), None)) {
        Value::String(id) => id,
        other => other.to_string(),
    }
}
