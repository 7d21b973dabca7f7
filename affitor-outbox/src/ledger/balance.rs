//! The balance: what was paid, and what became of it, per currency.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rows::{parse, read_flag};
use crate::{Database, Error, Outbox};

/// What was paid in one currency, and what became of it. Amounts are in the currency's smallest unit. Test payments are left out.
///
/// It adds up: `paid` is the sum of `recorded`, `not_attributed`, `pending`, `undelivered` and `not_reported`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Balance {
    /// Payments.
    pub payments: u64,
    /// Amount that customers paid.
    pub paid: u64,
    /// Payments whose sale Affitor has recorded.
    pub recorded: u64,
    /// Payments for which no partner is credited.
    pub not_attributed: u64,
    /// Payments whose sale is enqueued, or that are held.
    pub pending: u64,
    /// Payments whose sale is a dead letter or was discarded.
    pub undelivered: u64,
    /// Payments that are not reported. [`Outbox::list_payments`](crate::Outbox::list_payments) says why.
    pub not_reported: u64,
    /// Amount that was returned to customers.
    pub returned: u64,
    /// Amount of the refunds that were enqueued, based on the amount of the sales.
    pub refunds: u64,
    /// Part of `refunds` that Affitor has recorded.
    pub refunds_recorded: u64,
    /// Number of payments and reports that a person should check.
    pub uncertain: u64,
}

#[derive(Deserialize)]
struct SalesRow {
    currency: Option<String>,
    status: String,
    outcome: Option<String>,
    #[serde(deserialize_with = "read_flag")]
    uncertain: bool,
    doubts: String,
    payments: u64,
    paid_cents: u64,
    returned_cents: u64,
}

#[derive(Deserialize)]
struct RefundsRow {
    currency: Option<String>,
    outcome: String,
    #[serde(deserialize_with = "read_flag")]
    uncertain: bool,
    refunds: u64,
    cents: u64,
}

impl<DB: Database> Outbox<DB> {
    /// Returns what was paid and what became of it, by currency code. Sales that the app enqueued itself are included. Payments
    /// that are counted under another id are left out, and so are payments in an unknown currency.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn payment_balance(&self) -> Result<BTreeMap<String, Balance>, Error> {
        let (store, sql, queue) = (&self.store, &self.store.sql, &*self.store.queue);
        let mut tx = self.begin().await?;
        let sales: Vec<SalesRow> = parse(&DB::read(store, &mut tx, &sql.balance_sales, vec![queue.into()]).await?)?;
        let refunds: Vec<RefundsRow> =
            parse(&DB::read(store, &mut tx, &sql.balance_refunds, vec![queue.into()]).await?)?;
        tx.rollback().await?;
        let mut balances = BTreeMap::<String, Balance>::new();
        for row in sales {
            let Some(currency) = row.currency.clone().filter(|_| row.status != "counted_as") else { continue };
            balances.entry(currency).or_default().add_sales(&row);
        }
        for row in refunds {
            let Some(currency) = row.currency.clone() else { continue };
            let balance = balances.entry(currency).or_default();
            balance.refunds += row.cents;
            if matches!(&*row.outcome, "recorded" | "already_recorded") {
                balance.refunds_recorded += row.cents;
            }
            if row.uncertain || row.outcome == "dead" {
                balance.uncertain += row.refunds;
            }
        }
        Ok(balances)
    }
}

impl Balance {
    fn add_sales(&mut self, row: &SalesRow) {
        self.payments += row.payments;
        self.paid += row.paid_cents;
        self.returned += row.returned_cents;
        let part = match (&*row.status, row.outcome.as_deref()) {
            ("reported", Some("recorded" | "already_recorded")) => &mut self.recorded,
            ("reported", Some("not_attributed")) => &mut self.not_attributed,
            ("reported", Some("dead" | "discarded")) | ("discarded", _) => &mut self.undelivered,
            ("reported" | "held" | "conflict" | "not_paid", _) => &mut self.pending,
            _ => &mut self.not_reported,
        };
        *part += row.paid_cents;
        if row.uncertain || !row.doubts.is_empty() || row.outcome.as_deref() == Some("dead") {
            self.uncertain += row.payments;
        }
    }
}
