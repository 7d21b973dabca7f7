//! The story of a payment as text.

use std::fmt;

use affitor_payments::ledger::ReversalStatus;

use super::story::{LedgerPayment, PaymentReversal, PaymentStory, Report};

impl PaymentStory {
    fn report_of_sale(&self, transaction_id: &str) -> Option<&Report> {
        self.reports.iter().find(|report| report.transaction_id == transaction_id && report.r#type == "sale")
    }

    /// The currency of a transaction. Empty if it is not known.
    fn currency(&self, transaction_id: &str) -> &str {
        let payment = self.payments.iter().find(|payment| payment.transaction_id == transaction_id);
        let of_payment = payment.and_then(|payment| payment.currency.as_deref());
        let of_report = || self.report_of_sale(transaction_id)?.currency.as_deref();
        of_payment.or_else(of_report).unwrap_or_default()
    }
}

impl fmt::Display for PaymentStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.payments.is_empty() && self.reports.is_empty() {
            writeln!(f, "no payment is known by this id")?;
        }
        for payment in &self.payments {
            write!(f, "{payment}")?;
            if let Some(report) = self.report_of_sale(&payment.transaction_id) {
                writeln!(f, "  {}", who_is_paid(&report.outcome))?;
            }
        }
        if !self.webhooks.is_empty() {
            writeln!(f, "\nWebhooks")?;
        }
        for webhook in &self.webhooks {
            let repeated = if webhook.seen > 1 { format!(" ({} times)", webhook.seen) } else { String::new() };
            let check = if webhook.refused { "CHECK: " } else { "" };
            writeln!(f, "  {} {}{repeated}: {check}{}", time(webhook.first_seen_at), webhook.kind, webhook.decision)?;
        }
        if !self.reversals.is_empty() {
            writeln!(f, "\nReturned to the customer")?;
        }
        for reversal in &self.reversals {
            writeln!(f, "  {}: {}", reversal.id, reversal.explain())?;
        }
        if !self.reports.is_empty() {
            writeln!(f, "\nReported to Affitor")?;
        }
        for report in &self.reports {
            let currency = self.currency(&report.transaction_id);
            let what = match (&*report.r#type, report.cents) {
                ("sale", cents) => format!("sale of {}", amount(cents.unwrap_or_default(), currency)),
                (_, Some(cents)) => format!("refund of {}", amount(cents, currency)),
                (_, None) => "full refund".to_owned(),
            };
            writeln!(f, "  {} {what} ({}): {}", time(report.enqueued_at), report.transaction_id, report.explain())?;
        }
        if !self.ids.is_empty() {
            writeln!(f, "\nIds: {}", self.ids.join(", "))?;
        }
        Ok(())
    }
}

/// Says who is paid, by the outcome of a sale.
fn who_is_paid(outcome: &str) -> &'static str {
    match outcome {
        "recorded" | "already_recorded" => "Affitor has recorded it for the partner who brought this customer",
        "not_attributed" => "nobody is paid: no partner brought this customer",
        "pending" => "not delivered to Affitor yet",
        _ => "nobody is paid: Affitor does not know this sale",
    }
}

impl fmt::Display for LedgerPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let currency = self.currency.as_deref().unwrap_or("?");
        if !self.doubts.is_empty() {
            write!(f, "CHECK ")?;
        }
        write!(f, "{}: {} paid", self.transaction_id, amount(self.paid_cents, currency))?;
        if let Some(at) = self.paid_at {
            write!(f, " at {}", time(at))?;
        }
        writeln!(f)?;
        let status = match (self.status.as_str(), &self.counted_as) {
            ("reported", _) if self.commissionable_cents == self.paid_cents => "reported as a sale".to_owned(),
            ("reported", _) => format!("reported as a sale of {}", amount(self.commissionable_cents, currency)),
            (_, Some(other)) => format!("counted as {other}"),
            (status, None) => explain(status).to_owned(),
        };
        write!(f, "  {status}")?;
        match (&self.customer_key, &self.click_id) {
            (Some(customer), Some(click)) => writeln!(f, ", for the customer {customer} and the click {click}")?,
            (Some(customer), None) => writeln!(f, ", for the customer {customer}")?,
            (None, Some(click)) => writeln!(f, ", for the click {click}")?,
            (None, None) => writeln!(f)?,
        }
        if self.returned_cents > 0 {
            let (returned, reported) =
                (amount(self.returned_cents, currency), amount(self.reported_refund_cents, currency));
            writeln!(f, "  {returned} returned to the customer, {reported} reported as refunded")?;
        }
        for doubt in self.doubts() {
            writeln!(f, "  CHECK: {doubt}")?;
        }
        Ok(())
    }
}

impl PaymentReversal {
    /// Explains whether it counts.
    fn explain(&self) -> String {
        let what = if self.is_dispute { "dispute" } else { "refund" };
        let of = match self.cents {
            Some(cents) => format!(" of {}", amount(cents, self.currency.as_deref().unwrap_or_default())),
            None => String::new(),
        };
        let counts = match (self.is_dispute, self.status) {
            (false, ReversalStatus::Returned) => "the money is returned",
            (true, ReversalStatus::Returned) => "lost",
            (false, ReversalStatus::Pending) => "pending: it counts when it succeeds",
            (true, ReversalStatus::Pending) => "open: it counts if it is lost",
            (false, _) => "failed or canceled: it does not count",
            (true, _) => "won: it does not count",
        };
        format!("{what}{of}, {counts}")
    }
}

impl Report {
    /// Explains what the service responded.
    fn explain(&self) -> String {
        let outcome = match &*self.outcome {
            "dead" if self.uncertain => {
                return "it may have arrived, so it is not repeated: compare with Affitor's dashboard".to_owned();
            }
            "pending" => "waiting for delivery",
            "recorded" => "recorded by Affitor",
            "already_recorded" => "Affitor knew it already",
            "not_attributed" => "no partner is credited",
            "dead" => "delivery failed permanently: see `affitor outbox dead`",
            "discarded" => "discarded by a person, never sent",
            other => other,
        };
        let uncertain = if self.uncertain { " (uncertain: compare with Affitor's dashboard)" } else { "" };
        format!("{outcome}{uncertain}")
    }
}

impl fmt::Debug for LedgerPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerPayment")
            .field("scope", &self.scope)
            .field("transaction_id", &self.transaction_id)
            .field("status", &self.status)
            .field("paid_cents", &self.paid_cents)
            .field("currency", &self.currency)
            .field("returned_cents", &self.returned_cents)
            .field("doubts", &self.doubts)
            .finish_non_exhaustive()
    }
}

/// Explains a status.
fn explain(status: &str) -> &str {
    match status {
        "held" => "held, because another webhook may show which sale it belongs to",
        "conflict" => {
            "held, because it is unknown whether Affitor reads this provider's webhooks itself: `affitor payments reporter`"
        }
        "not_paid" => "not paid yet",
        "nothing_paid" => "not reported: nothing was paid",
        "no_customer" => "not reported: its metadata names no customer and no click",
        "other_program" => "not reported: its metadata names another Affitor program",
        "unsupported_currency" => "not reported: Affitor does not accept its currency",
        "before_ledger" => "not reported as a sale: it was paid before the ledger was started",
        "read_by_affitor" => "not reported: Affitor reads this provider's webhooks itself",
        "sale_unknown" => "a refund, whose sale is not known yet",
        "not_ours" => "a refund without a sale for 4 days, so the payment is not ours",
        "discarded" => "not reported: its sale was discarded",
        other => other,
    }
}

/// An amount in the smallest unit, with its currency.
pub(super) fn amount(cents: u64, currency: &str) -> String {
    if currency.is_empty() {
        return cents.to_string();
    }
    // Without a smaller unit.
    if ["VND", "JPY", "KRW"].contains(&currency) {
        return format!("{cents} {currency}");
    }
    format!("{}.{:02} {currency}", cents / 100, cents % 100).trim_end().to_owned()
}

/// A time in UTC, to the second.
fn time(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    riverqueue::jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
