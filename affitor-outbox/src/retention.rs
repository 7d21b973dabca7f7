//! How long delivered events and payments are kept. It stands in the database, because the process that deletes them may not be the one
//! that was told.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::{Database, Error, database::Store, history::seconds};

/// How long delivered events are kept by default.
pub(crate) const COMPLETED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long payments are kept by default. A dispute can arrive 540 days after the payment.
pub(crate) const PAYMENTS: Duration = Duration::from_secs(550 * 24 * 60 * 60);

/// How long rows are kept: the longest time that a process has [set](crate::WorkerBuilder::keep_completed) in the last 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// For how long delivered events are kept. Default: 30 days.
    pub completed: Duration,
    /// For how long [payments](crate::PaymentSettings::keep) are kept. Default: 550 days.
    pub payments: Duration,
}

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Completed,
    #[cfg(feature = "webhooks")]
    Payments,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    seconds: u64,
}

/// Stores what the app has set.
pub(crate) async fn say<DB: Database>(store: &Store<DB>, kind: Kind, keep: Duration) -> Result<(), Error> {
    let name = match kind {
        Kind::Completed => "completed",
        #[cfg(feature = "webhooks")]
        Kind::Payments => "payments",
    };
    let parameters = vec![(&*store.queue).into(), name.into(), whole(keep).into(), now().into()];
    DB::run_alone(store, &store.sql.say_retention, parameters).await.map(drop)
}

/// Returns how long rows are kept.
pub(crate) async fn read<DB: Database>(store: &Store<DB>) -> Result<Retention, Error> {
    let mut tx = DB::begin(&store.pool).await?;
    let rows = DB::read(store, &mut tx, &store.sql.retention, vec![(&*store.queue).into()]).await?;
    tx.rollback().await?;
    let mut kept = Retention { completed: COMPLETED, payments: PAYMENTS };
    for row in rows {
        let Row { kind, seconds } = serde_json::from_str(&row).map_err(Error::unreadable)?;
        match kind.as_str() {
            "completed" => kept.completed = Duration::from_secs(seconds),
            "payments" => kept.payments = Duration::from_secs(seconds),
            // Of a later version.
            _ => {}
        }
    }
    Ok(kept)
}

/// Longer times exceed the range of dates, and mean forever.
const FOREVER: Duration = Duration::from_secs(1_000 * 365 * 24 * 60 * 60);

/// Deletes delivered events of this queue. River's own cleaner knows neither queues nor the values of other processes.
pub(crate) async fn purge_completed<DB: Database>(store: &Store<DB>, keep: Duration) -> Result<(), Error> {
    if keep > FOREVER {
        return Ok(());
    }
    let parameters = || vec![(&*store.queue).into(), now().saturating_sub(whole(keep)).into()];
    while DB::run_alone(store, &store.sql.purge_completed, parameters()).await? > 0 {}
    Ok(())
}

fn now() -> i64 {
    #[allow(clippy::cast_possible_truncation, reason = "seconds of Unix time")]
    {
        seconds(SystemTime::now()) as i64
    }
}

fn whole(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
