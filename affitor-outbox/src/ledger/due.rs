//! Decisions that are due without a new webhook, and the deletion of old payments.

use std::time::SystemTime;

use super::{
    group::Ledger,
    record::seconds,
    rows::{GroupRow, parse},
};
use crate::{Database, Error, Outbox, PaymentSettings, database::Store};

/// How long a payment is postponed that can't be decided, in seconds.
const POSTPONED: i64 = 5 * 60;

impl<DB: Database> Outbox<DB> {
    /// Decides payments that were held and whose time has come, at most 100, and returns their number. A running
    /// [`Worker`](crate::Worker) does this every 15 seconds.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn decide_due_payments(&self) -> Result<usize, Error> {
        decide_due(&self.store).await
    }
}

/// Decides the groups that are due.
pub(crate) async fn decide_due<DB: Database>(store: &Store<DB>) -> Result<usize, Error> {
    let now = seconds(SystemTime::now());
    let mut tx = DB::begin(&store.pool).await?;
    let due = DB::read(store, &mut tx, &store.sql.due_groups, vec![(&*store.queue).into(), now.into()]).await?;
    tx.rollback().await?;
    let due = parse::<i64>(&due)?;
    for group in &due {
        if let Err(error) = decide(store, *group, now).await {
            // It must not delay the others.
            tracing::warn!(%error, group, "a payment that was held can't be decided, and is postponed");
            let mut tx = DB::begin(&store.pool).await?;
            let parameters = vec![(*group).into(), (now + POSTPONED).into()];
            DB::run(store, &mut tx, &store.sql.postpone_group, parameters).await?;
            tx.commit().await?;
        }
    }
    Ok(due.len())
}

/// Decides a group again, in a transaction of its own.
async fn decide<DB: Database>(store: &Store<DB>, group: i64, now: i64) -> Result<(), Error> {
    let mut tx = DB::begin(&store.pool).await?;
    // Read without locking anything: subscriptions and customers are locked first.
    let sql = &store.sql.group;
    let rows: Vec<GroupRow> = parse(&DB::read(store, &mut tx, sql, vec![group.into()]).await?)?;
    let Some(row) = rows.first() else { return Ok(()) };
    let (facts, mut policy) = (row.facts()?, row.policy()?);
    let mut ledger = Ledger { store, tx: &mut tx, scope: &row.scope, now };
    let state = ledger.started().await?;
    // A person may have decided since.
    policy.read_by_affitor = policy.read_by_affitor.filter(|_| !policy.conflict);
    ledger.decide_reporter(&mut policy, &state);
    let recorded = ledger.absorb(facts, &policy).await?;
    if !recorded.decision.events.is_empty() {
        DB::notify(store, &mut tx).await?;
    }
    Ok(tx.commit().await?)
}

/// Deletes payments that nothing was reported about for longer than the settings keep them.
pub(crate) async fn purge<DB: Database>(store: &Store<DB>, settings: &PaymentSettings) -> Result<(), Error> {
    let keep = i64::try_from(settings.get_keep().as_secs()).unwrap_or(i64::MAX);
    let before = seconds(SystemTime::now()).saturating_sub(keep);
    let mut tx = DB::begin(&store.pool).await?;
    let sql = &store.sql;
    for statement in [&sql.purge_groups, &sql.purge_webhooks, &sql.purge_reports] {
        DB::run(store, &mut tx, statement, vec![(&*store.queue).into(), before.into()]).await?;
    }
    Ok(tx.commit().await?)
}
