//! The background tasks of a worker. One decides payments that are due. The other reports gauges, deletes what is old, checks the
//! tables, lets postponed events compete with new ones again, reschedules events after a clock jump, and checks that no other River uses
//! the tables. They run until the worker is dropped.
//!
//! Background checks of the outbox (`keeper.rs`): gauges, events that were put last, times that a clock jump left in the future, the
//! version of the tables, another River on the same tables. Payments that are due are decided by a task of their own in every worker,
//! which claims them in batches. A task that panics is logged and started again (`supervise.rs`).

use std::{
    future::Future,
    sync::{Arc, Weak},
    time::Duration,
};

use affitor::Client;
use tokio::{
    runtime::Handle,
    time::{Interval, MissedTickBehavior},
};

use crate::{Database, Error, Outbox, database::Store, migration, retention, supervise::supervise};

/// Interval of the gauges.
const INTERVAL: Duration = Duration::from_secs(15);
/// Time limit of a duty.
const DUTY_LIMIT: Duration = Duration::from_secs(10);
/// The checks run once per this many intervals: once a minute.
const CHECKS_EVERY: u32 = 4;

/// The service is asked once per this many intervals: once an hour.
const ASK_EVERY: u32 = 240;

/// How a keeper works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping {
    /// How long delivered events are kept, if the app has set it.
    pub(crate) completed: Option<Duration>,
    /// Whether no other River may use the tables. It deletes delivered events then.
    pub(crate) is_exclusive: bool,
}

/// Keeps the tasks running until the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Alive(#[expect(dead_code, reason = "held for its reference count")] Arc<()>);

/// Starts the tasks in the current Tokio runtime.
///
/// # Errors
///
/// Returns an error outside a Tokio runtime.
pub(crate) fn start<DB: Database>(outbox: Outbox<DB>, client: Client, keeping: Keeping) -> Result<Alive, Error> {
    let runtime = Handle::try_current().map_err(|_| Error::no_runtime())?;
    let alive = Arc::new(());
    #[cfg(feature = "webhooks")]
    {
        let (store, alive) = (outbox.store.clone(), Arc::downgrade(&alive));
        runtime.spawn(supervise("decide", move || decide(store.clone(), alive.clone())));
    }
    let weak = Arc::downgrade(&alive);
    runtime.spawn(supervise("keeper", move || keep(outbox.clone(), client.clone(), keeping, weak.clone())));
    Ok(Alive(alive))
}

fn ticks() -> Interval {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Decides payments that are due. It may take long, so it delays nothing else.
#[cfg(feature = "webhooks")]
async fn decide<DB: Database>(store: Store<DB>, alive: Weak<()>) {
    let mut interval = ticks();
    loop {
        interval.tick().await;
        if alive.strong_count() == 0 {
            return;
        }
        if let Err(error) = crate::ledger::decide_due(&store).await {
            tracing::warn!(%error, "held payments can't be decided now");
        }
    }
}

async fn keep<DB: Database>(outbox: Outbox<DB>, client: Client, keeping: Keeping, alive: Weak<()>) {
    #[cfg(feature = "metrics")]
    crate::metrics::describe();
    let mut interval = ticks();
    for turn in (0..ASK_EVERY).cycle() {
        interval.tick().await;
        if alive.strong_count() == 0 {
            return;
        }
        if turn == 0 && client.program_id().is_some() {
            ask(&outbox, &client).await;
        }
        #[cfg(feature = "metrics")]
        duty("gauges", gauges(&outbox.store)).await;
        if turn % CHECKS_EVERY == 0 {
            let store = &outbox.store;
            duty("purge", purge(&outbox, keeping)).await;
            duty("check", check(store, keeping.is_exclusive)).await;
            duty("put_forward", run(store, &store.sql.put_forward)).await;
            duty("fix_schedule", fix_schedule(store)).await;
        }
    }
}

/// Carries out a duty within a time limit of its own, so that one that is slow or fails delays no other for long.
async fn duty<T>(name: &'static str, duty: impl Future<Output = Result<T, Error>>) {
    if let Err(error) = tokio::time::timeout(DUTY_LIMIT, duty).await.unwrap_or_else(|_| Err(Error::timeout())) {
        tracing::warn!(%error, "the outbox's keeper can't do {name:?} now");
    }
}

/// Asks the service whether Affitor reads Stripe's webhooks itself.
#[cfg(feature = "webhooks")]
async fn ask<DB: Database>(outbox: &Outbox<DB>, client: &Client) {
    match outbox.check_stripe_connection(client).await {
        Ok(true) => tracing::warn!(
            "Stripe is connected to the Affitor program, so Affitor may read its webhooks itself: payments that the app reports \
             (`StripeReporter::App`) are held, until `affitor payments reporter` confirms the choice"
        ),
        Ok(false) => {}
        Err(error) => tracing::info!(%error, "unknown whether Stripe is connected to the Affitor program"),
    }
}

#[cfg(not(feature = "webhooks"))]
async fn ask<DB: Database>(_: &Outbox<DB>, _: &Client) {}

#[cfg(feature = "metrics")]
async fn gauges<DB: Database>(store: &Store<DB>) -> Result<(), Error> {
    crate::metrics::gauges(&store.queue, DB::backlog(store).await?);
    Ok(())
}

async fn run<DB: Database>(store: &Store<DB>, sql: &Arc<str>) -> Result<u64, Error> {
    DB::run_alone(store, sql, vec![(&*store.queue).into()]).await
}

async fn purge<DB: Database>(outbox: &Outbox<DB>, keeping: Keeping) -> Result<(), Error> {
    let store = &outbox.store;
    if let Some(completed) = keeping.completed {
        retention::say(store, retention::Kind::Completed, completed).await?;
    }
    #[cfg(feature = "webhooks")]
    if let Some(payments) = outbox.payments.keep {
        retention::say(store, retention::Kind::Payments, payments).await?;
    }
    let kept = retention::read(store).await?;
    #[cfg(feature = "webhooks")]
    crate::ledger::purge(store, kept.payments).await?;
    if keeping.is_exclusive {
        retention::purge_completed(store, kept.completed).await?;
    }
    Ok(())
}

async fn check<DB: Database>(store: &Store<DB>, exclusive: bool) -> Result<(), Error> {
    // On SQLite, River may have rebuilt its table, which deletes the triggers. Another version may have migrated it.
    if let Err(error) = migration::check(store).await {
        tracing::error!(%error, "dead letters and totals may be lost");
    }
    if exclusive && let Some(name) = DB::foreign(store).await? {
        let error = Error::foreign(name);
        tracing::error!(%error, "River may discard stuck jobs that are not the outbox's");
    }
    Ok(())
}

async fn fix_schedule<DB: Database>(store: &Store<DB>) -> Result<(), Error> {
    let rescheduled = run(store, &store.sql.fix_waiting).await? + run(store, &store.sql.fix_running).await?;
    if rescheduled > 0 {
        tracing::warn!(rescheduled, "events were scheduled too far ahead after a clock jump; rescheduled to now");
    }
    Ok(())
}
