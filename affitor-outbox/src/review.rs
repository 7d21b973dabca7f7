//! Totals, dead letters and uncertain events, and what a person does about them.

use std::{sync::Arc, time::SystemTime};

use affitor::{Event, Refund};
use riverqueue::sqlx;
use serde::Deserialize;

use crate::{
    Database, DeadLetter, Error, Outbox, OutboxStats, UncertainEvent,
    database::Store,
    dead,
    delivery::NewRow,
    history::{History, seconds},
    key,
};

/// What was done to [forget](Outbox::forget_customer) a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForgottenCustomer {
    /// Dead letters and pending events that were discarded.
    pub discarded: u64,
    /// Events that are being sent right now, and that still contain the customer. Repeat the call after some seconds.
    pub being_sent: u64,
}

/// A sale or refund that was enqueued.
#[derive(Deserialize)]
struct Reported {
    r#type: String,
    refund_id: String,
    cents: Option<u64>,
    outcome: String,
}

impl<DB: Database> Outbox<DB> {
    /// Returns the totals of all events.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn stats(&self) -> Result<OutboxStats, Error> {
        Ok(OutboxStats::of(&DB::stats(&self.store).await?))
    }

    /// Returns the oldest dead letters, at most `limit`. [Replay](Outbox::replay) or [discard](Outbox::discard) each of
    /// them.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn dead(&self, limit: u32) -> Result<Vec<DeadLetter>, Error> {
        self.dead_after(i64::MIN, limit).await
    }

    /// Like [`Outbox::dead`], but returns dead letters with an id above `id`: the next page.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn dead_after(&self, id: i64, limit: u32) -> Result<Vec<DeadLetter>, Error> {
        Ok(DB::dead(&self.store, id, limit.into()).await?.into_iter().map(dead::read).collect())
    }

    /// Returns the dead letter with this id.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn dead_letter(&self, id: i64) -> Result<Option<DeadLetter>, Error> {
        let next = self.dead_after(id.saturating_sub(1), 1).await?;
        Ok(next.into_iter().find(|letter| letter.id == id))
    }

    /// Returns the oldest delivered events that are uncertain, with an id above `after`, at most `limit`: sales that
    /// may lack their commission, and refunds that may have had no effect. Compare each with Affitor's dashboard, then
    /// [settle](Outbox::settle) it. (Partial refunds that may have arrived are dead letters.)
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn uncertain(&self, after: i64, limit: u32) -> Result<Vec<UncertainEvent>, Error> {
        Ok(DB::uncertain(&self.store, after, limit.into()).await?.iter().map(dead::read_uncertain).collect())
    }

    /// Marks an uncertain event as checked, so that it no longer counts as uncertain. Returns `false` if there is none
    /// with this id.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn settle(&self, id: i64) -> Result<bool, Error> {
        self.mark(&self.store.sql.settle, id).await
    }

    /// Redelivers a dead letter, and with a sale also those of its refunds that ended because the sale was not found. Returns
    /// `false` if there is none with this id. If it is
    /// [uncertain](crate::DeadReason::Uncertain), first check in the dashboard that it has not arrived.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn replay(&self, id: i64) -> Result<bool, Error> {
        self.replay_corrected(id, None).await
    }

    /// Corrects a dead letter, for example its amount, and redelivers it. Returns `false` if there is none with this
    /// id, or if `event` is not the same sale, refund or lead. (A row that was inserted with plain SQL and without a key
    /// can't be compared: discard it, and enqueue the correct event.)
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Outbox::enqueue`].
    pub async fn replay_as(&self, id: i64, event: impl Into<Event>) -> Result<bool, Error> {
        let row = NewRow::new(&event.into(), &self.store.queue)?;
        self.replay_corrected(id, Some(&row)).await
    }

    async fn replay_corrected(&self, id: i64, correction: Option<&NewRow>) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let (store, sql, queue) = (&self.store, &self.store.sql, &*self.store.queue);
        let Some(letter) = DB::dead_letter(store, &mut tx, id).await? else { return Ok(false) };
        if let Some(row) = correction {
            let parameters = vec![queue.into(), id.into(), row.key.clone().into(), (&*row.args).into()];
            if DB::run(store, &mut tx, &sql.correct, parameters).await? == 0 {
                return Ok(false);
            }
        }
        let event = dead::event(&letter.event);
        let is_refund = matches!(event, Some(Event::Refund(_)));
        let now = seconds(SystemTime::now());
        let history = History::parse(&letter.history).replayed(is_refund, letter.attempt, now);
        let parameters = vec![queue.into(), id.into(), history.to_json().into()];
        let replayed = DB::run(store, &mut tx, &sql.replay, parameters).await? > 0;
        if let Some(Event::Sale(sale)) = event {
            replay_refunds(&self.store, &mut tx, &sale.transaction_id).await?;
        }
        tx.commit().await?;
        Ok(replayed)
    }

    /// Marks a dead letter as discarded. It is never sent, and stays in the totals. Returns `false` if there is none
    /// with this id.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn discard(&self, id: i64) -> Result<bool, Error> {
        self.mark(&self.store.sql.discard, id).await
    }

    async fn mark(&self, sql: &Arc<str>, id: i64) -> Result<bool, Error> {
        Ok(DB::run_alone(&self.store, sql, vec![(&*self.store.queue).into(), id.into()]).await? > 0)
    }

    /// Forgets a customer: discards the dead letters and the pending events with this customer key, and removes the hash of
    /// the key from delivered leads. (Delivered events contain no customer key and no e-mail address anyway.) What
    /// Affitor has received stays there.
    ///
    /// A pending sale that is discarded is not reported, so no partner is paid for it.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn forget_customer(&self, customer_key: &str) -> Result<ForgottenCustomer, Error> {
        let mut tx = self.begin().await?;
        let (store, queue) = (&self.store, &*self.store.queue);
        let parameters = vec![queue.into(), customer_key.into()];
        let discarded = DB::run(store, &mut tx, &store.sql.forget_unsent, parameters).await?;
        let [from, to] = key::leads(queue, customer_key);
        DB::run(store, &mut tx, &store.sql.forget_leads, vec![from.into(), to.into()]).await?;
        let being_sent = DB::being_sent(store, &mut tx, customer_key).await?;
        #[cfg(feature = "webhooks")]
        self.forget_payments(&mut tx, customer_key).await?;
        tx.commit().await?;
        Ok(ForgottenCustomer { discarded, being_sent })
    }
}

/// Repeats the refunds of a sale that ended because the service did not know the sale.
pub(crate) async fn replay_refunds<DB: Database>(
    store: &Store<DB>,
    tx: &mut sqlx::Transaction<'_, DB>,
    transaction_id: &str,
) -> Result<(), Error> {
    let [from, to] = key::refunds(&store.queue, transaction_id);
    DB::run(store, tx, &store.sql.replay_refunds, vec![from.into(), to.into()]).await?;
    // The rows of others may be deleted.
    let ids = serde_json::to_string(&[transaction_id]).unwrap_or_default();
    let parameters = vec![(&*store.queue).into(), ids.into()];
    for row in DB::read(store, tx, &store.sql.reports, parameters).await? {
        let Ok(report) = serde_json::from_str::<Reported>(&row) else { continue };
        if report.r#type != "refund" || report.outcome != "not_attributed" {
            continue;
        }
        let refund = match report.cents {
            Some(cents) => Refund::partial(transaction_id, cents).refund_id(report.refund_id),
            None => Refund::full(transaction_id),
        };
        DB::insert(store, tx, &NewRow::new(&refund.into(), &store.queue)?).await?;
    }
    Ok(())
}
