//! The story of a payment: what was heard of it, what was decided and reported, and what the service responded.

use std::collections::BTreeSet;

use affitor_payments::ledger::{Doubt, Facts, NotReported, Object, Payment, ReversalStatus, Status};
use serde::{Deserialize, Serialize};

use super::rows::{GroupRow, list, parse, read_flag};
use crate::{Database, Error, Outbox, database::sealed::Parameter};

/// How many payments a story has at most.
const MOST: i64 = 100;

/// A payment in the ledger. Amounts are in the currency's smallest unit, times in seconds of Unix time.
///
/// `Debug` hides who the customer is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The subscription at the provider from which it inherits.
    pub source: Option<String>,
    /// The customer at the provider, who names it if nothing else does.
    pub provider_customer: Option<String>,
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
    /// Whether it looks like a payment and can't be read with certainty.
    #[serde(default, deserialize_with = "read_flag")]
    pub refused: bool,
}

/// Money that was returned to a customer, or that may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PaymentReversal {
    /// Id of the refund, dispute or adjustment at the provider.
    pub id: String,
    /// Amount in the currency's smallest unit. `None` for everything that is left.
    pub cents: Option<u64>,
    /// Currency, if the provider says it.
    pub currency: Option<String>,
    /// Whether it is a dispute (a chargeback), not a refund.
    pub is_dispute: bool,
    /// Whether the money is returned.
    pub status: ReversalStatus,
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
    /// The webhooks that were seen, oldest first: of the payments, and those that can't be read or are ignored, but mention their ids.
    pub webhooks: Vec<SeenWebhook>,
    /// Refunds and disputes, also those that do not count.
    pub reversals: Vec<PaymentReversal>,
    /// What became of each payment.
    pub payments: Vec<LedgerPayment>,
    /// What was reported, and what the service responded, oldest first.
    pub reports: Vec<Report>,
}

impl<DB: Database> Outbox<DB> {
    /// Returns what the ledger knows about an id: of a payment, a session, an invoice, a charge, a refund or a dispute; of a webhook;
    /// of a subscription or a customer at the provider; of your own user; of an account that is not listed; or the transaction id of a
    /// sale that the app enqueued. At most 100 payments and 100 webhooks. Returns `None` if nothing has this id.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn explain_payment(&self, id: &str) -> Result<Option<PaymentStory>, Error> {
        let (store, sql, queue) = (&self.store, &self.store.sql, &*self.store.queue);
        let mut tx = self.begin().await?;
        let groups: Vec<i64> =
            parse(&DB::read(store, &mut tx, &sql.find_payment, vec![queue.into(), id.into(), MOST.into()]).await?)?;
        let mut story =
            PaymentStory { ids: vec![], webhooks: vec![], reversals: vec![], payments: vec![], reports: vec![] };
        for group in groups {
            let of_group = || vec![group.into()];
            story.ids.extend(parse::<String>(&DB::read(store, &mut tx, &sql.group_ids, of_group()).await?)?);
            story
                .webhooks
                .extend(parse::<SeenWebhook>(&DB::read(store, &mut tx, &sql.group_webhooks, of_group()).await?)?);
            story
                .payments
                .extend(parse::<LedgerPayment>(&DB::read(store, &mut tx, &sql.group_payments, of_group()).await?)?);
            for row in parse::<GroupRow>(&DB::read(store, &mut tx, &sql.group, of_group()).await?)? {
                story.reversals.extend(reversals(&row.facts()?));
            }
        }
        let mentioned = list(story.ids.iter().map(String::as_str).chain([id]));
        let loose = DB::read(store, &mut tx, &sql.loose_webhooks, vec![queue.into(), mentioned.into()]).await?;
        story.webhooks.extend(parse::<SeenWebhook>(&loose)?);
        story.webhooks.sort_by_key(|webhook| webhook.first_seen_at);
        let mut transactions: BTreeSet<&str> = story.payments.iter().map(|payment| &*payment.transaction_id).collect();
        transactions.insert(id);
        let parameters = vec![queue.into(), list(transactions).into()];
        story.reports = parse(&DB::read(store, &mut tx, &sql.reports, parameters).await?)?;
        tx.rollback().await?;
        Ok(Some(story).filter(|story| !story.ids.is_empty() || !story.reports.is_empty() || !story.webhooks.is_empty()))
    }

    /// Returns the latest webhooks that look like payments and can't be read with certainty, at most `limit`. Each got status 200,
    /// because a redelivery changes nothing. Report such a payment yourself.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn refused_webhooks(&self, limit: u32) -> Result<Vec<SeenWebhook>, Error> {
        let mut tx = self.begin().await?;
        let parameters = vec![(&*self.store.queue).into(), i64::from(limit).into()];
        let rows = DB::read(&self.store, &mut tx, &self.store.sql.refused_webhooks, parameters).await?;
        tx.rollback().await?;
        parse(&rows)
    }

    /// Counts the [refused webhooks](Outbox::refused_webhooks).
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn count_refused_webhooks(&self) -> Result<u64, Error> {
        let mut tx = self.begin().await?;
        let rows =
            DB::read(&self.store, &mut tx, &self.store.sql.count_refused, vec![(&*self.store.queue).into()]).await?;
        tx.rollback().await?;
        Ok(parse(&rows)?.first().copied().unwrap_or_default())
    }

    /// Returns payments in the order of their transaction ids: at most `limit`, after the transaction id `after`.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn list_payments(
        &self,
        filter: PaymentFilter<'_>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<LedgerPayment>, Error> {
        let sql = &self.store.sql;
        let mut parameters = vec![(&*self.store.queue).into(), after.into(), i64::from(limit).into()];
        let statement = match (filter.to_check, filter.status) {
            (true, status) => {
                parameters.push(status.map(str::to_owned).into());
                &sql.list_payments_to_check
            }
            (false, Some(status)) => {
                parameters.push(status.into());
                &sql.list_payments_with_status
            }
            (false, None) => &sql.list_payments,
        };
        let mut tx = self.begin().await?;
        let rows = DB::read(&self.store, &mut tx, statement, parameters).await?;
        tx.rollback().await?;
        parse(&rows)
    }
}

/// Returns the refunds and disputes in facts.
fn reversals(facts: &Facts) -> Vec<PaymentReversal> {
    let reversals = facts.iter().filter_map(|(id, object)| match object {
        Object::Reversal(reversal) => Some(PaymentReversal {
            id: id.to_owned(),
            cents: reversal.cents,
            currency: reversal.currency.map(|currency| currency.to_string()),
            is_dispute: reversal.is_dispute,
            status: reversal.status,
        }),
        _ => None,
    });
    reversals.collect()
}

/// Which payments [`Outbox::list_payments`] returns. The default is all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentFilter<'a> {
    status: Option<&'a str>,
    to_check: bool,
}

impl<'a> PaymentFilter<'a> {
    /// Only payments with this [status](LedgerPayment::status).
    #[must_use]
    pub fn status(mut self, status: &'a str) -> Self {
        self.status = Some(status);
        self
    }

    /// Only payments that a person should check: those with a [doubt](LedgerPayment::doubts).
    #[must_use]
    pub fn to_check(mut self) -> Self {
        self.to_check = true;
        self
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
            provider_customer: payment.customer.clone(),
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
            self.provider_customer.into(),
        ]
    }

    /// Returns what a person should check.
    pub fn doubts(&self) -> impl Iterator<Item = Doubt> {
        self.doubts.split_whitespace().filter_map(Doubt::from_name)
    }
}
