//! Decisions that are due without a new webhook, and the deletion of old payments.

use std::time::{Duration, SystemTime};

use riverqueue::sqlx;
use tokio::task::JoinSet;

use super::{
    group::Ledger,
    record::seconds,
    rows::{GroupRow, parse},
};
use crate::{Database, Error, Outbox, database::Store};

/// How long a payment is claimed by the process that decides it, in seconds. If it can't be decided, or the process dies, it is due
/// again after this time.
const CLAIM: i64 = 5 * 60;

/// Payments that are claimed at once.
const BATCH: i64 = 100;

impl<DB: Database> Outbox<DB> {
    /// Decides payments that were held and whose time has come, until none is left, and returns their number. A running
    /// [`Worker`](crate::Worker) does this every 15 seconds. Several processes share the work.
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
    let mut decided = 0;
    loop {
        let now = seconds(SystemTime::now());
        let mut tx = DB::begin(&store.pool).await?;
        let parameters = vec![(&*store.queue).into(), now.into(), (now + CLAIM).into(), BATCH.into()];
        let groups = parse::<i64>(&DB::read(store, &mut tx, &store.sql.claim_due_groups, parameters).await?)?;
        tx.commit().await?;
        if groups.is_empty() {
            return Ok(decided);
        }
        decided += groups.len();
        let mut rest = groups.chunks(DB::DECIDED_TOGETHER).map(<[i64]>::to_vec);
        let mut running = JoinSet::new();
        loop {
            while running.len() < DB::DECIDERS
                && let Some(groups) = rest.next()
            {
                let store = store.clone();
                running.spawn(async move { decide_all(&store, &groups, now).await });
            }
            match running.join_next().await {
                None => break,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::error!(%error, "deciding a payment that was held has panicked; it is postponed");
                }
            }
        }
    }
}

/// Decides groups together, and if that fails, each one by itself. None must delay the others.
async fn decide_all<DB: Database>(store: &Store<DB>, groups: &[i64], now: i64) {
    if groups.len() > 1 && decide(store, groups, now).await.is_ok() {
        return;
    }
    for group in groups {
        if let Err(error) = decide(store, &[*group], now).await {
            tracing::warn!(%error, group, "a payment that was held can't be decided, and is postponed");
        }
    }
}

/// Decides groups again, in a transaction of their own.
async fn decide<DB: Database>(store: &Store<DB>, groups: &[i64], now: i64) -> Result<(), Error> {
    let mut tx = DB::begin(&store.pool).await?;
    let mut is_reported = false;
    for group in groups {
        is_reported |= decide_one(store, &mut tx, *group, now).await?;
    }
    if is_reported {
        DB::notify(store, &mut tx).await?;
    }
    Ok(tx.commit().await?)
}

/// Decides a group, and returns whether something was enqueued.
async fn decide_one<DB: Database>(
    store: &Store<DB>,
    tx: &mut sqlx::Transaction<'_, DB>,
    group: i64,
    now: i64,
) -> Result<bool, Error> {
    // Read without locking anything: subscriptions and customers are locked first.
    let sql = &store.sql.group;
    let rows: Vec<GroupRow> = parse(&DB::read(store, tx, sql, vec![group.into()]).await?)?;
    let Some(row) = rows.first() else { return Ok(false) };
    let (facts, mut policy) = (row.facts()?, row.policy()?);
    let mut ledger = Ledger { store, tx, scope: &row.scope, now };
    let state = ledger.started().await?;
    // The stored policy may contain what a person had decided then, and has decided otherwise since.
    if let Some(app) = state.policy()? {
        policy.stripe_reporter = app.stripe_reporter;
    }
    ledger.decide_reporter(&mut policy, &state);
    let recorded = ledger.absorb(facts, &policy).await?;
    Ok(!recorded.decision.events.is_empty())
}

/// Deletes payments that nothing was reported about for so long.
pub(crate) async fn purge<DB: Database>(store: &Store<DB>, keep: Duration) -> Result<(), Error> {
    let keep = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
    let before = seconds(SystemTime::now()).saturating_sub(keep);
    let mut tx = DB::begin(&store.pool).await?;
    let sql = &store.sql;
    for statement in [&sql.purge_groups, &sql.purge_webhooks, &sql.purge_reports] {
        DB::run(store, &mut tx, statement, vec![(&*store.queue).into(), before.into()]).await?;
    }
    Ok(tx.commit().await?)
}
