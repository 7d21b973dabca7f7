//! The background task of a worker: reports gauges, decides payments that are due, deletes old ones, checks the tables, lets
//! postponed events compete with new ones again, reschedules events after a clock jump, and checks that no other River uses
//! the tables. It runs until the worker is dropped.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use affitor::Client;
use tokio::{runtime::Handle, time::MissedTickBehavior};

use crate::{Database, Error, Outbox, migration};

/// Interval of the gauges.
const INTERVAL: Duration = Duration::from_secs(15);
/// The checks run once per this many intervals: once a minute.
const CHECKS_EVERY: u32 = 4;

/// The service is asked once per this many intervals: once an hour.
const ASK_EVERY: u32 = 240;

/// Keeps the task running until the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Alive(#[expect(dead_code, reason = "held for its reference count")] Arc<()>);

/// Starts the task in the current Tokio runtime. If `exclusive`, it reports other Rivers that use the tables.
///
/// # Errors
///
/// Returns an error outside a Tokio runtime.
pub(crate) fn start<DB: Database>(outbox: Outbox<DB>, client: Client, exclusive: bool) -> Result<Alive, Error> {
    let runtime = Handle::try_current().map_err(|_| Error::no_runtime())?;
    let alive = Arc::new(());
    runtime.spawn(run(outbox, client, exclusive, Arc::downgrade(&alive)));
    Ok(Alive(alive))
}

async fn run<DB: Database>(outbox: Outbox<DB>, client: Client, exclusive: bool, alive: Weak<()>) {
    #[cfg(feature = "metrics")]
    crate::metrics::describe();
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in (0..ASK_EVERY).cycle() {
        interval.tick().await;
        if alive.strong_count() == 0 {
            return;
        }
        if turn == 0 && client.program_id().is_some() {
            ask(&outbox, &client).await;
        }
        if let Err(error) = tokio::time::timeout(INTERVAL, tick(&outbox, exclusive, turn % CHECKS_EVERY == 0))
            .await
            .unwrap_or_else(|_| Err(Error::timeout()))
        {
            tracing::warn!(%error, "the outbox's database is unavailable");
        }
    }
}

/// Asks the service whether Affitor reads Stripe's webhooks itself.
#[cfg(feature = "webhooks")]
async fn ask<DB: Database>(outbox: &Outbox<DB>, client: &Client) {
    match outbox.check_stripe_connection(client).await {
        Ok(true) => tracing::warn!(
            "Stripe is connected to the Affitor program, so Affitor may read its webhooks itself: say with `Webhook::read_by_affitor` \
             who reports the sales; until then, Stripe's payments are held"
        ),
        Ok(false) => {}
        Err(error) => tracing::info!(%error, "unknown whether Stripe is connected to the Affitor program"),
    }
}

#[cfg(not(feature = "webhooks"))]
async fn ask<DB: Database>(_: &Outbox<DB>, _: &Client) {}

async fn tick<DB: Database>(outbox: &Outbox<DB>, exclusive: bool, check: bool) -> Result<(), Error> {
    let store = &outbox.store;
    #[cfg(feature = "metrics")]
    crate::metrics::gauges(&store.queue, DB::backlog(store).await?);
    #[cfg(feature = "webhooks")]
    crate::ledger::decide_due(store).await?;
    if !check {
        return Ok(());
    }
    #[cfg(feature = "webhooks")]
    crate::ledger::purge(store, &outbox.payments).await?;
    // On SQLite, River may have rebuilt its table, which deletes the triggers. Another version may have migrated it.
    if let Err(error) = migration::check(store).await {
        tracing::error!(%error, "dead letters and totals may be lost");
    }
    let run = async |sql| DB::run_alone(store, sql, vec![(&*store.queue).into()]).await;
    run(&store.sql.put_forward).await?;
    let rescheduled = run(&store.sql.fix_waiting).await? + run(&store.sql.fix_running).await?;
    if rescheduled > 0 {
        tracing::warn!(rescheduled, "events were scheduled too far ahead after a clock jump; rescheduled to now");
    }
    if exclusive && let Some(name) = DB::foreign(store).await? {
        let error = Error::foreign(name);
        tracing::error!(%error, "River may discard stuck jobs that are not the outbox's");
    }
    Ok(())
}
