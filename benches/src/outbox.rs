//! The outbox: enqueueing in the app's transaction next to a bare insert into the app's own table, and delivering to a sandbox on
//! the same machine. All in one run.

use std::time::{Duration, Instant};

use affitor::{Client, Lead};
use affitor_outbox::{Database, Outbox, sqlx};
use affitor_sandbox::{Interpretations, Sandbox, UnknownLead};
use affitor_tests::databases::{Postgres, sqlite};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Number of transactions that are measured in each case.
const TRANSACTIONS: u64 = 3_000;
/// Number of events that are delivered in each case.
const DELIVERED: u64 = 3_000;

pub(crate) fn report() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run()).map_err(|error| error.to_string().into())
}

async fn run() -> Result<(), Error> {
    println!("enqueue: {TRANSACTIONS} transactions with an order each");
    println!("{:<34}{:>14}{:>14}{:>10}", "", "bare ev/s", "outbox ev/s", "ratio");
    let (pool, _folder) = sqlite().await;
    let on_sqlite = Outbox::sqlite(pool.clone());
    prepare_sqlite(&pool, &on_sqlite).await?;
    // SQLite has one writer at a time.
    enqueue("SQLite, WAL, synchronous=FULL", 1, async |number, in_outbox| {
        let mut tx = on_sqlite.begin().await?;
        sqlx::query("INSERT INTO orders (number) VALUES ($1)").bind(number).execute(&mut *tx).await?;
        if in_outbox {
            on_sqlite.enqueue(&mut tx, lead(number)).await?;
        } else {
            sqlx::query("INSERT INTO events (payload) VALUES ($1)").bind(payload(number)).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    })
    .await?;

    let server = Postgres::start().ok_or("Postgres is not installed")?;
    let pool = server.pool().await;
    let on_postgres = Outbox::postgres(pool.clone());
    on_postgres.migrate().await?;
    for table in ["CREATE TABLE orders (number bigint)", "CREATE TABLE events (payload text)"] {
        sqlx::query(table).execute(&pool).await?;
    }
    for writers in [1, 8] {
        let name = format!("Postgres, {writers} at a time");
        enqueue(&name, writers, async |number, in_outbox| {
            let mut tx = on_postgres.begin().await?;
            sqlx::query("INSERT INTO orders (number) VALUES ($1)").bind(number).execute(&mut *tx).await?;
            if in_outbox {
                on_postgres.enqueue(&mut tx, lead(number)).await?;
            } else {
                sqlx::query("INSERT INTO events (payload) VALUES ($1)").bind(payload(number)).execute(&mut *tx).await?;
            }
            Ok(tx.commit().await?)
        })
        .await?;
    }

    println!("\ndeliver: {DELIVERED} leads to a sandbox on this machine");
    println!("{:<34}{:>14}", "", "ev/s");
    let (pool, _folder) = sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await?;
    for workers in [1, 3] {
        deliver(&format!("SQLite, {workers} worker(s)"), &outbox, workers).await?;
    }
    let insert_delivered = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 100000)
        INSERT INTO river_job (kind, queue, max_attempts, state, finalized_at, args)
        SELECT 'affitor_event', 'affitor', 9, 'completed', CURRENT_TIMESTAMP,
          jsonb_set(jsonb('{\"event\": {\"type\": \"lead\"}}'), '$.event.customer_key', 'user_' || n) FROM number";
    sqlx::query(insert_delivered).execute(&pool).await?;
    deliver("SQLite, 1 worker, 100,000 kept", &outbox, 1).await?;
    sqlx::query("DELETE FROM affitor.river_job").execute(&server.pool().await).await?;
    for workers in [1, 3] {
        deliver(&format!("Postgres, {workers} worker(s)"), &on_postgres, workers).await?;
    }
    Ok(())
}

async fn prepare_sqlite(pool: &sqlx::SqlitePool, outbox: &Outbox<sqlx::Sqlite>) -> Result<(), Error> {
    outbox.migrate().await?;
    for table in ["CREATE TABLE orders (number bigint)", "CREATE TABLE events (payload text)"] {
        sqlx::query(table).execute(pool).await?;
    }
    Ok(())
}

fn lead(number: i64) -> Lead {
    Lead::new(format_args!("user_{number}")).email("jo@example.com")
}

fn payload(number: i64) -> String {
    serde_json::to_string(&lead(number)).unwrap_or_default()
}

/// Measures bare inserts and the outbox in alternating rounds, so that other load on the machine affects both.
async fn enqueue(name: &str, writers: i64, write: impl AsyncFn(i64, bool) -> Result<(), Error>) -> Result<(), Error> {
    static NEXT: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);
    let mut spent = [Duration::ZERO; 2];
    for _ in 0..10 {
        for (in_outbox, spent) in [false, true].into_iter().zip(&mut spent) {
            let started = Instant::now();
            let per_writer = TRANSACTIONS as i64 / 10 / writers;
            let all_writers = (0..writers).map(|_| async {
                for _ in 0..per_writer {
                    write(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed), in_outbox).await?;
                }
                Ok::<(), Error>(())
            });
            for result in futures_util::future::join_all(all_writers).await {
                result?;
            }
            *spent += started.elapsed();
        }
    }
    let count = (TRANSACTIONS as i64 / 10 / writers * writers * 10) as f64;
    let [bare, outbox] = spent.map(|spent| count / spent.as_secs_f64());
    println!("{name:<34}{bare:>14.0}{outbox:>14.0}{:>9.0}%", outbox / bare * 100.0);
    Ok(())
}

async fn deliver<DB: Database>(name: &str, outbox: &Outbox<DB>, workers: usize) -> Result<(), Error> {
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    let sandbox = Sandbox::builder().interpretations(interpretations).start().await?;
    let before = outbox.stats().await?.recorded;
    for number in 0..DELIVERED {
        outbox.enqueue_alone(Lead::new(format_args!("{name}_{number}"))).await?;
    }
    let client = || Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url());
    let started = Instant::now();
    let mut running = Vec::new();
    for _ in 0..workers {
        running.push(outbox.worker(client()).start().await?);
    }
    while outbox.stats().await?.recorded < before + DELIVERED {
        if started.elapsed() > Duration::from_secs(120) {
            return Err(format!("{name}: {:?}", outbox.stats().await?).into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{name:<34}{:>14.0}", DELIVERED as f64 / started.elapsed().as_secs_f64());
    for worker in running {
        worker.shutdown().await?;
    }
    Ok(())
}
