//! What a worker does beside its work, for as long as it is there: tells how much is waiting, brings back what a clock that jumped
//! has left in the future, and looks whether the tables are as they were made, and no other River's.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use riverqueue::sqlx;
use tokio::{runtime::Handle, time::MissedTickBehavior};

use crate::{Database, Error, migration};

const GAUGES_EVERY: Duration = Duration::from_secs(15);
/// Of these, every fourth: once a minute.
const REST_EVERY: u32 = 4;

/// Keeps until the last of these is gone.
#[derive(Clone, Debug)]
pub(crate) struct Alive(#[expect(dead_code, reason = "it is held, not read")] Arc<()>);

/// Begins to keep, in the runtime that this is called in. `alone`: no other River may use the tables.
///
/// # Errors
///
/// When there is none.
pub(crate) fn start<DB: Database>(pool: sqlx::Pool<DB>, alone: bool) -> Result<Alive, Error> {
    let runtime = Handle::try_current().map_err(|_| Error::no_runtime())?;
    let alive = Arc::new(());
    runtime.spawn(keep(pool, alone, Arc::downgrade(&alive)));
    Ok(Alive(alive))
}

async fn keep<DB: Database>(pool: sqlx::Pool<DB>, alone: bool, alive: Weak<()>) {
    #[cfg(feature = "metrics")]
    crate::measure::describe();
    let mut every = tokio::time::interval(GAUGES_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in (0..REST_EVERY).cycle() {
        every.tick().await;
        if alive.strong_count() == 0 {
            return;
        }
        if let Err(error) = tokio::time::timeout(GAUGES_EVERY, turn_of(&pool, alone && turn == 0, turn == 0))
            .await
            .unwrap_or_else(|_| Err(Error::timeout()))
        {
            tracing::warn!(%error, "the outbox's database does not answer");
        }
    }
}

async fn turn_of<DB: Database>(pool: &sqlx::Pool<DB>, foreign: bool, all: bool) -> Result<(), Error> {
    #[cfg(feature = "metrics")]
    crate::measure::waiting(DB::waiting(pool).await?);
    if all {
        // River may have made its table anew, on SQLite; then the triggers are gone.
        if !migration::is_done(pool).await? {
            let error = Error::not_migrated();
            tracing::error!(%error, "dead letters and books may not be kept");
        }
        let mended = DB::mend_clock(pool).await?;
        if mended > 0 {
            tracing::warn!(mended, "events waited for a time that the clock has left behind; they are sent now");
        }
    }
    if foreign && let Some(what) = DB::foreign(pool).await? {
        let error = Error::foreign(what);
        tracing::error!(%error, "River may give up jobs that are not the outbox's");
    }
    Ok(())
}
