//! Payments that are held: how long their webhooks take, and how long their decisions take, which two processes share.

use std::time::{Duration, Instant};

use affitor_outbox::{Database, Outbox, PaymentSettings};
use affitor_tests::databases::{Postgres, sqlite};

use crate::ledger::{self, Case};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// How long payments are held.
const HOLD: Duration = Duration::from_secs(1);

pub(crate) fn report(payments: i64) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run(payments)).map_err(|error| error.to_string().into())
}

async fn run(payments: i64) -> Result<(), Error> {
    println!("seconds for {payments} payments");
    println!("{:<12}{:>12}{:>12}{:>12}", "", "webhooks", "decisions", "reported");
    let (pool, _folder) = sqlite().await;
    measure("SQLite", &Outbox::sqlite(pool), payments).await?;
    let server = Postgres::start().ok_or("Postgres is not installed")?;
    measure("Postgres", &Outbox::postgres(server.pool().await), payments).await
}

async fn measure<DB: Database>(name: &str, outbox: &Outbox<DB>, payments: i64) -> Result<(), Error> {
    let outbox = outbox.clone().with_payment_settings(PaymentSettings::new().program_id(42).hold(HOLD));
    outbox.migrate().await?;
    let started = Instant::now();
    for number in 0..payments {
        outbox.record_payment_alone(&ledger::event(number, Case::Held).ok_or("no webhook")?).await?;
    }
    let webhooks = started.elapsed();
    let before = outbox.stats().await?.pending;
    tokio::time::sleep(HOLD * 2).await;

    let started = Instant::now();
    let (one, other) = tokio::join!(outbox.decide_due_payments(), outbox.decide_due_payments());
    let decisions = started.elapsed();
    let reported = outbox.stats().await?.pending - before;
    println!("{name:<12}{:>12.1}{:>12.1}{reported:>12}", webhooks.as_secs_f64(), decisions.as_secs_f64());
    let decided = one? + other?;
    if (decided as i64, reported as i64) != (payments, payments) {
        return Err(format!("{decided} were decided, and {reported} reported").into());
    }
    Ok(())
}
