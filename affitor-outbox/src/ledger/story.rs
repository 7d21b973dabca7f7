//! The story of a payment: what was heard of it, what was decided and reported, and what the service responded.

use std::{collections::BTreeSet, fmt};

use affitor::ledger::{Doubt, NotReported, Payment, Status};
use serde::{Deserialize, Serialize};

use super::rows::{list, parse, read_flag};
use crate::{Database, Error, Outbox, database::sealed::Parameter};

/// A payment in the ledger. Amounts are in the currency's smallest unit, times in seconds of Unix time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LedgerPayment {
    /// Provider, account and mode, such as `stripe//live`.
    pub scope: String,
    /// Transaction id under which it is reported, or would be.
    pub transaction_id: String,
    /// `checkout`, `bill` or `intent`. `None` if only its refund is known.
    pub form: Option<String>,
    /// `reported`, `held` or `conflict`, or why it is not reported: `not_paid`, `nothing_paid`, `no_customer`, `other_program`,
    /// `unsupported_currency`, `before_ledger`, `read_by_affitor`, `counted_as`, `sale_unknown`,
    /// `not_ours`, `discarded` or `invalid_event`.
    pub status: String,
    /// Transaction id under which its money is reported, if that is another one.
    pub counted_as: Option<String>,
    /// Amount that the customer paid.
    pub paid_cents: u64,
    /// Amount that the commission is calculated from.
    pub commissionable_cents: u64,
    /// Currency, if it is known.
    pub currency: Option<String>,
    /// When it was paid.
    pub paid_at: Option<u64>,
    /// Your own id of the customer.
    pub customer_key: Option<String>,
    /// The visitor's click id.
    pub click_id: Option<String>,
    /// The Affitor program that its metadata names.
    pub program_id: Option<String>,
    /// The subscription or customer at the provider from which it inherits.
    pub source: Option<String>,
    /// Amount that was returned to the customer: refunds and lost disputes.
    pub returned_cents: u64,
    /// Part of the commissionable amount that is reported as refunded.
    pub reported_refund_cents: u64,
    /// What a person should check: names of [`Doubt`]s, separated by spaces.
    pub doubts: String,
    /// Since when it is known here.
    pub since: u64,
}

/// A webhook that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeenWebhook {
    /// Id of the event at the provider, or a hash of its body.
    pub event_id: String,
    /// Type of the event, such as `invoice.paid`.
    pub kind: String,
    /// How often it was delivered.
    pub seen: u64,
    /// First delivery, in seconds of Unix time.
    pub first_seen_at: u64,
    /// Last delivery, in seconds of Unix time.
    pub last_seen_at: u64,
    /// What was decided at the last delivery.
    pub decision: String,
}

/// A sale or refund that was enqueued, by the ledger or by the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Transaction id of the sale.
    pub transaction_id: String,
    /// `sale` or `refund`.
    pub r#type: String,
    /// Id of the refund. Empty for a sale and a full refund.
    pub refund_id: String,
    /// Amount in the currency's smallest unit. `None` for a full refund.
    pub cents: Option<u64>,
    /// Currency of a sale.
    pub currency: Option<String>,
    /// When it was enqueued, in seconds of Unix time.
    pub enqueued_at: u64,
    /// `pending`, or what the service responded: `recorded`, `already_recorded`, `not_attributed`, `dead` or `discarded`.
    pub outcome: String,
    /// Whether its effect is uncertain.
    #[serde(deserialize_with = "read_flag")]
    pub uncertain: bool,
    /// When it had an outcome, in seconds of Unix time.
    pub finished_at: Option<u64>,
}

/// Everything that the ledger knows about payments that belong together. `Display` tells it as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PaymentStory {
    /// Ids at the provider.
    pub ids: Vec<String>,
    /// The webhooks that were seen, oldest first.
    pub webhooks: Vec<SeenWebhook>,
    /// What became of each payment.
    pub payments: Vec<LedgerPayment>,
    /// What was reported, and what the service responded, oldest first.
    pub reports: Vec<Report>,
}

impl<DB: Database> Outbox<DB> {
    /// Returns what the ledger knows about a payment, by any of its ids: of the payment, the session, the invoice, the charge, a
    /// refund or a dispute, or the transaction id of a sale that the app enqueued. Returns `None` if no payment has this id.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn explain_payment(&self, id: &str) -> Result<Option<PaymentStory>, Error> {
        let (store, sql, queue) = (&self.store, &self.store.sql, &*self.store.queue);
        let mut tx = self.begin().await?;
        let groups: Vec<i64> =
            parse(&DB::read(store, &mut tx, &sql.find_payment, vec![queue.into(), id.into()]).await?)?;
        let mut story = PaymentStory { ids: vec![], webhooks: vec![], payments: vec![], reports: vec![] };
        for group in groups {
            let of_group = || vec![group.into()];
            story.ids.extend(parse::<String>(&DB::read(store, &mut tx, &sql.group_ids, of_group()).await?)?);
            story
                .webhooks
                .extend(parse::<SeenWebhook>(&DB::read(store, &mut tx, &sql.group_webhooks, of_group()).await?)?);
            story
                .payments
                .extend(parse::<LedgerPayment>(&DB::read(store, &mut tx, &sql.group_payments, of_group()).await?)?);
        }
        let mut transactions: BTreeSet<&str> = story.payments.iter().map(|payment| &*payment.transaction_id).collect();
        transactions.insert(id);
        let parameters = vec![queue.into(), list(transactions).into()];
        story.reports = parse(&DB::read(store, &mut tx, &sql.reports, parameters).await?)?;
        tx.rollback().await?;
        Ok(Some(story).filter(|story| !story.ids.is_empty() || !story.reports.is_empty()))
    }

    /// Returns payments in the order of their transaction ids: at most `limit`, after the transaction id `after`, and only with
    /// this status if one is given. See [`LedgerPayment::status`].
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn list_payments(
        &self,
        after: &str,
        status: Option<&str>,
        limit: u32,
    ) -> Result<Vec<LedgerPayment>, Error> {
        let mut tx = self.begin().await?;
        let status = status.map(str::to_owned);
        let parameters = vec![(&*self.store.queue).into(), after.into(), status.into(), i64::from(limit).into()];
        let rows = DB::read(&self.store, &mut tx, &self.store.sql.list_payments, parameters).await?;
        tx.rollback().await?;
        parse(&rows)
    }
}

impl LedgerPayment {
    /// Creates the row of a payment.
    pub(super) fn new(scope: &str, payment: &Payment, since: u64) -> Self {
        let doubts: Vec<&str> = payment.doubts.iter().map(|doubt| doubt.as_str()).collect();
        let attribution = payment.attribution.clone();
        Self {
            scope: scope.to_owned(),
            transaction_id: payment.transaction_id.clone(),
            form: payment.form.map(|form| form.as_str().to_owned()),
            status: payment.status.as_str().to_owned(),
            counted_as: match &payment.status {
                Status::NotReported(NotReported::CountedAs { transaction_id, .. }) => Some(transaction_id.clone()),
                _ => None,
            },
            paid_cents: payment.paid_cents,
            commissionable_cents: payment.commissionable_cents,
            currency: payment.currency.map(|currency| currency.to_string()),
            paid_at: payment.paid_at,
            customer_key: attribution.customer_key,
            click_id: attribution.click_id,
            program_id: attribution.program_id,
            source: payment.source.clone(),
            returned_cents: payment.returned_cents,
            reported_refund_cents: payment.reported_refund_cents,
            doubts: doubts.join(" "),
            since,
        }
    }

    /// Returns the parameters of the statement that saves it.
    pub(super) fn parameters(self, queue: &str, group: i64) -> Vec<Parameter> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        vec![
            queue.into(),
            self.scope.into(),
            self.transaction_id.into(),
            group.into(),
            self.form.into(),
            self.status.into(),
            self.counted_as.into(),
            number(self.paid_cents).into(),
            number(self.commissionable_cents).into(),
            self.currency.into(),
            self.paid_at.map(number).into(),
            self.customer_key.into(),
            self.click_id.into(),
            self.program_id.into(),
            self.source.into(),
            number(self.returned_cents).into(),
            number(self.reported_refund_cents).into(),
            self.doubts.into(),
            number(self.since).into(),
        ]
    }

    /// Returns what a person should check.
    pub fn doubts(&self) -> impl Iterator<Item = Doubt> {
        self.doubts.split_whitespace().filter_map(Doubt::from_name)
    }
}

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
            writeln!(f, "  {} {}{repeated}: {}", time(webhook.first_seen_at), webhook.kind, webhook.decision)?;
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

/// Explains a status.
fn explain(status: &str) -> &str {
    match status {
        "held" => "held, because another webhook may show which sale it belongs to",
        "conflict" => {
            "held, because it is unknown whether Affitor reads this provider's webhooks itself: `affitor payments release`"
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
