//! What each operation of the outbox costs as its tables grow, on both databases.

use std::{
    collections::BTreeMap,
    future::Future,
    time::{Duration, Instant},
};

use affitor::{Client, Currency, Sale};
use affitor_outbox::{
    Database, Outbox, PaymentSettings,
    sqlx::{self, AssertSqlSafe},
};
use affitor_sandbox::{Interpretations, Sandbox, UnknownLead};
use affitor_tests::{
    databases::{Postgres, sqlite},
    growth::{Dialect, Fill, Rows},
};

use crate::ledger::{self, Case};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// How many sales are delivered, and how many webhooks are recorded, in each case.
const EVENTS: i64 = 200;
/// Each statement is measured this often, and the median counts.
const ROUNDS: usize = 5;
/// A statement that takes longer than this is measured once.
const SLOW: Duration = Duration::from_secs(1);

/// Milliseconds, or events per second, by operation and number of rows.
type Table = BTreeMap<String, Vec<f64>>;

pub(crate) fn report(counts: &[u32]) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run(counts)).map_err(|error| error.to_string().into())
}

/// Fills a database, and measures each statement and the operations. A macro, because SQLx's traits make a generic function need a page
/// of bounds.
macro_rules! measure {
    ($table:expr, $rows:expr, $dialect:expr, $outbox:expr, $pool:expr) => {{
        let (pool, dialect) = (&$pool, $dialect);
        let outbox = $outbox.with_payment_settings(PaymentSettings::new().program_id(42));
        outbox.migrate().await?;
        for sql in $rows.statements(dialect) {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await?;
        }
        if dialect == Dialect::Postgres {
            // As autovacuum does.
            sqlx::raw_sql("VACUUM ANALYZE").execute(pool).await?;
        }
        let timed = async |sql| {
            let mut tx = pool.begin().await?;
            let started = Instant::now();
            sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *tx).await?;
            let spent = started.elapsed();
            tx.rollback().await?;
            Ok(spent)
        };
        statements(&mut $table, dialect, $rows.fill, timed).await?;
        ends(&mut $table, &outbox).await?;
    }};
}

async fn run(counts: &[u32]) -> Result<(), Error> {
    for fill in [Fill::Delivered, Fill::Pending, Fill::Payments] {
        let mut table = Table::new();
        for count in counts {
            let (pool, _folder) = sqlite().await;
            measure!(table, Rows { fill, count: *count }, Dialect::Sqlite, Outbox::sqlite(pool.clone()), pool);
        }
        print("SQLite", fill, counts, &table);

        let mut table = Table::new();
        for count in counts {
            let server = Postgres::start().ok_or("Postgres is not installed")?;
            let pool = server.pool().await;
            measure!(table, Rows { fill, count: *count }, Dialect::Postgres, Outbox::postgres(pool.clone()), pool);
        }
        print("Postgres", fill, counts, &table);
    }
    Ok(())
}

/// Measures each statement, which `run` runs in a transaction that is rolled back.
async fn statements(
    table: &mut Table,
    dialect: Dialect,
    fill: Fill,
    run: impl AsyncFn(String) -> Result<Duration, Error>,
) -> Result<(), Error> {
    // The others have nothing left to deliver.
    let delivery = (fill == Fill::Pending).then(|| dialect.delivery());
    for statement in dialect.statements().into_iter().chain(delivery) {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(run(statement.sql.clone()).await.map_err(|error| format!("{}: {error}", statement.name))?);
            if rounds.iter().any(|spent| *spent > SLOW) {
                break;
            }
        }
        rounds.sort();
        let median = rounds[rounds.len() / 2].as_secs_f64() * 1_000.0;
        table.entry(format!("{} (ms)", statement.name)).or_default().push(median);
    }
    Ok(())
}

/// Measures deliveries and webhooks from end to end.
async fn ends<DB: Database>(table: &mut Table, outbox: &Outbox<DB>) -> Result<(), Error> {
    let mut rate = |name: &str, started: Instant| {
        let rate = EVENTS as f64 / started.elapsed().as_secs_f64();
        table.entry(format!(" {name} (a second)")).or_default().push(rate);
    };
    let pending = outbox.stats().await?.pending;
    let event = |number| ledger::event(number, Case::First).ok_or("no webhook");
    let started = Instant::now();
    for number in 0..EVENTS {
        outbox.record_payment_alone(&event(number)?).await?;
    }
    rate("first webhooks", started);
    let started = Instant::now();
    for number in 0..EVENTS {
        outbox.record_payment_alone(&event(number)?).await?;
    }
    rate("the same again", started);
    timed(table, "explain", outbox.explain_payment("t5")).await?;
    timed(table, "balance", outbox.payment_balance()).await?;
    timed(table, "forget_customer", outbox.forget_customer("user_6")).await?;

    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    let sandbox = Sandbox::builder().interpretations(interpretations).start().await?;
    for number in 0..EVENTS {
        outbox
            .enqueue_alone(Sale::new(format_args!("new_{number}"), 4_900, Currency::USD).customer_key("user_1"))
            .await?;
    }
    let waiting = outbox.stats().await?.pending - pending;
    let started = Instant::now();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build()?;
    let worker = outbox.worker(client).start().await?;
    while outbox.stats().await?.pending > pending {
        if started.elapsed() > Duration::from_secs(300) {
            return Err(format!("not delivered: {:?}", outbox.stats().await?).into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rate = waiting as f64 / started.elapsed().as_secs_f64();
    table.entry(" sales delivered (a second)".to_owned()).or_default().push(rate);
    worker.shutdown().await?;
    Ok(())
}

async fn timed<T, E: Into<Error>>(
    table: &mut Table,
    name: &str,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<(), Error> {
    let started = Instant::now();
    operation.await.map_err(Into::into)?;
    table.entry(format!(" {name} (ms)")).or_default().push(started.elapsed().as_secs_f64() * 1_000.0);
    Ok(())
}

fn print(database: &str, fill: Fill, counts: &[u32], table: &Table) {
    println!("\n{database}, {fill:?}");
    print!("{:<34}", "rows");
    for count in counts {
        print!("{count:>12}");
    }
    println!();
    for (name, values) in table {
        print!("{:<34}", name.trim());
        for value in values {
            let digits = if *value < 10.0 { 2 } else { 0 };
            print!("{value:>12.digits$}");
        }
        println!();
    }
}
