//! The outbox: enqueueing in the app's transaction next to a bare insert into the app's own table and to River's own insert, and
//! delivering to a sandbox on the same machine next to a River worker that does nothing. All in one run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use affitor::{Client, Lead};
use affitor_outbox::{
    Database, Outbox,
    riverqueue::{
        BoxError, Client as River, ClientBuilder, InsertOpts, Job, JobArgs, QueueConfig, UniqueOpts, WorkContext,
        WorkOutcome, Workers,
        database::{PostgresDatabase, SchemaName},
        migrate::{PostgresMigrator, SqliteMigrator},
    },
    sqlx,
};
use affitor_sandbox::{Interpretations, Sandbox, UnknownLead};
use affitor_tests::databases::{Postgres, sqlite};
use serde::{Deserialize, Serialize};

/// Where an event goes.
#[derive(Clone, Copy)]
enum Target {
    Table,
    River,
    Outbox,
}

/// Settings of a worker.
struct Speed {
    senders: usize,
    interval: Duration,
}

const DEFAULT: Speed = Speed { senders: 50, interval: Duration::from_millis(20) };
const FAST: Speed = Speed { senders: 200, interval: Duration::from_millis(5) };

/// A job as large as an event.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    text: String,
}

impl Note {
    fn of(number: i64) -> Self {
        Self { text: payload(number) }
    }
}

impl JobArgs for Note {
    const KIND: &'static str = "note";
}

/// Like the outbox's events: the same job once.
fn unique() -> InsertOpts {
    InsertOpts::default().with_unique(UniqueOpts::new().with_by_args(true))
}

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
    println!("{:<34}{:>14}{:>14}{:>14}{:>10}{:>10}", "", "bare ev/s", "River ev/s", "outbox ev/s", "River", "outbox");
    let (pool, _folder) = sqlite().await;
    let on_sqlite = Outbox::sqlite(pool.clone());
    prepare_sqlite(&pool, &on_sqlite).await?;
    let river = River::builder(pool.clone()).build()?;
    // SQLite has one writer at a time.
    enqueue("SQLite, WAL, synchronous=FULL", 1, async |number, target| {
        let mut tx = on_sqlite.begin().await?;
        sqlx::query("INSERT INTO orders (number) VALUES ($1)").bind(number).execute(&mut *tx).await?;
        match target {
            Target::Table => {
                let query = sqlx::query("INSERT INTO events (payload) VALUES ($1)");
                query.bind(payload(number)).execute(&mut *tx).await?;
            }
            Target::River => drop(river.insert(Note::of(number)).opts(unique()).tx(&mut tx).await?),
            Target::Outbox => drop(on_sqlite.enqueue(&mut tx, lead(number)).await?),
        }
        Ok(tx.commit().await?)
    })
    .await?;

    let server = Postgres::start().ok_or("Postgres is not installed")?;
    let pool = server.pool().await;
    let on_postgres = Outbox::postgres(pool.clone());
    on_postgres.migrate().await?;
    for statement in
        ["CREATE TABLE orders (number bigint)", "CREATE TABLE events (payload text)", "CREATE SCHEMA floor"]
    {
        sqlx::query(statement).execute(&pool).await?;
    }
    let river_schema = SchemaName::new("floor")?;
    PostgresMigrator::new(pool.clone()).with_schema(river_schema.clone()).migrate_up().await?;
    let river_database = PostgresDatabase::new(pool.clone()).with_schema(river_schema);
    let river = River::builder(river_database.clone()).build()?;
    for writers in [1, 8] {
        let name = format!("Postgres, {writers} at a time");
        enqueue(&name, writers, async |number, target| {
            let mut tx = on_postgres.begin().await?;
            sqlx::query("INSERT INTO orders (number) VALUES ($1)").bind(number).execute(&mut *tx).await?;
            match target {
                Target::Table => {
                    let query = sqlx::query("INSERT INTO events (payload) VALUES ($1)");
                    query.bind(payload(number)).execute(&mut *tx).await?;
                }
                Target::River => drop(river.insert(Note::of(number)).opts(unique()).tx(&mut tx).await?),
                Target::Outbox => drop(on_postgres.enqueue(&mut tx, lead(number)).await?),
            }
            Ok(tx.commit().await?)
        })
        .await?;
    }

    println!("\ndeliver: {DELIVERED} leads to a sandbox on this machine");
    println!("{:<34}{:>14}", "", "ev/s");
    let (pool, _floor_folder) = sqlite().await;
    SqliteMigrator::new(pool.clone()).migrate_up().await?;
    work_nothing("SQLite, River, 1 worker", || River::builder(pool.clone()), &DEFAULT).await?;
    work_nothing("SQLite, River, 1 fast worker", || River::builder(pool.clone()), &FAST).await?;
    let (pool, _folder) = sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await?;
    for workers in [1, 3] {
        deliver(&format!("SQLite, {workers} worker(s)"), &outbox, workers, &DEFAULT).await?;
    }
    deliver("SQLite, 1 fast worker", &outbox, 1, &FAST).await?;
    let insert_delivered = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 100000)
        INSERT INTO river_job (kind, queue, max_attempts, state, finalized_at, args)
        SELECT 'affitor_event', 'affitor', 9, 'completed', CURRENT_TIMESTAMP,
          jsonb_set(jsonb('{\"event\": {\"type\": \"lead\"}}'), '$.event.customer_key', 'user_' || n) FROM number";
    sqlx::query(insert_delivered).execute(&pool).await?;
    deliver("SQLite, 1 worker, 100,000 kept", &outbox, 1, &DEFAULT).await?;
    sqlx::query("DELETE FROM affitor.river_job").execute(&server.pool().await).await?;
    let river_builder = || River::builder(river_database.clone());
    work_nothing("Postgres, River, 1 worker", river_builder, &DEFAULT).await?;
    work_nothing("Postgres, River, 1 fast worker", river_builder, &FAST).await?;
    for workers in [1, 3] {
        deliver(&format!("Postgres, {workers} worker(s)"), &on_postgres, workers, &DEFAULT).await?;
    }
    deliver("Postgres, 1 fast worker", &on_postgres, 1, &FAST).await?;
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

/// Measures bare inserts, River and the outbox in alternating rounds, so that other load on the machine affects all.
async fn enqueue(name: &str, writers: i64, write: impl AsyncFn(i64, Target) -> Result<(), Error>) -> Result<(), Error> {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let mut spent = [Duration::ZERO; 3];
    for _ in 0..10 {
        for (target, spent) in [Target::Table, Target::River, Target::Outbox].into_iter().zip(&mut spent) {
            let started = Instant::now();
            let per_writer = TRANSACTIONS as i64 / 10 / writers;
            let all_writers = (0..writers).map(|_| async {
                for _ in 0..per_writer {
                    write(NEXT.fetch_add(1, Ordering::Relaxed), target).await?;
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
    let [bare, river, outbox] = spent.map(|spent| count / spent.as_secs_f64());
    let (of_river, of_outbox) = (river / bare * 100.0, outbox / bare * 100.0);
    println!("{name:<34}{bare:>14.0}{river:>14.0}{outbox:>14.0}{of_river:>9.0}%{of_outbox:>9.0}%");
    Ok(())
}

/// River's own floor: a worker that does nothing.
async fn work_nothing(name: &str, builder: impl Fn() -> ClientBuilder, speed: &Speed) -> Result<(), Error> {
    let (done, mut workers) = (Arc::new(AtomicI64::new(0)), Workers::new());
    let counter = Arc::clone(&done);
    workers.add_fn(move |_: WorkContext, _: Job<Note>| {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, BoxError>(WorkOutcome::Complete) }
    })?;
    let inserting = builder().build()?;
    for number in 0..DELIVERED {
        inserting.insert(Note::of(number as i64)).await?;
    }
    let queue = QueueConfig::new(speed.senders);
    let river = builder().workers(workers).queue("default", queue).fetch_cooldown(speed.interval).build()?;
    let started = Instant::now();
    let mut running = river.start()?;
    // Jobs that the enqueue case has left are worked as well.
    let expected = DELIVERED as i64;
    while done.load(Ordering::Relaxed) < expected {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("{name:<34}{:>14.0}", expected as f64 / started.elapsed().as_secs_f64());
    running.stop().await?;
    Ok(())
}

async fn deliver<DB: Database>(name: &str, outbox: &Outbox<DB>, workers: usize, speed: &Speed) -> Result<(), Error> {
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    let sandbox = Sandbox::builder().interpretations(interpretations).start().await?;
    let before = outbox.stats().await?.recorded;
    for number in 0..DELIVERED {
        outbox.enqueue_alone(Lead::new(format_args!("{name}_{number}"))).await?;
    }
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build()?;
    let started = Instant::now();
    let mut running = Vec::new();
    for _ in 0..workers {
        let worker = outbox.worker(client.clone()).senders(speed.senders).fetch_interval(speed.interval);
        running.push(worker.start().await?);
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
