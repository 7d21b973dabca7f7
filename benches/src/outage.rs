//! What waiting costs: the statements that one worker runs in a minute while its key is wrong or the service is down, with few and
//! with many pending events.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use affitor::Client;
use affitor_outbox::{Database, Outbox, sqlx};
use affitor_sandbox::{Fault, Sandbox};
use affitor_tests::databases::{Postgres, sqlite};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _, util::SubscriberInitExt as _};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Time for the worker to notice the outage.
const SETTLE: Duration = Duration::from_secs(20);
const MEASURED: Duration = Duration::from_secs(60);
const BACKLOGS: [u32; 2] = [5_000, 50_000];

/// Counts the statements that SQLx logs: all those of this process.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicU64>);

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) fn report() -> Result<(), Box<dyn std::error::Error>> {
    let statements = Statements::default();
    tracing_subscriber::registry().with(statements.clone()).init();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run(&statements)).map_err(|error| error.to_string().into())
}

async fn run(statements: &Statements) -> Result<(), Error> {
    println!("statements and calls in a minute of one worker with 50 senders");
    println!("{:<12}{:<18}{:>10}{:>14}{:>10}", "", "", "pending", "statements", "calls");
    let server = Postgres::start().ok_or("Postgres is not installed")?;
    for outage in ["wrong key", "service down"] {
        for pending in BACKLOGS {
            let (pool, _folder) = sqlite().await;
            let outbox = Outbox::sqlite(pool.clone());
            outbox.migrate().await?;
            let sql = backlog(
                "river_job",
                "jsonb_object('event', jsonb_object('type', 'sale', 'transaction_id', 't' || n, 'amount_cents', 100, 'currency', 'USD', 'customer_key', 'user_' || n))",
                pending,
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await?;
            measure("SQLite", outage, pending, &outbox, statements).await?;

            let pool = server.pool().await;
            let schema = format!("affitor_{}_{pending}", outage.replace(' ', "_"));
            let outbox = Outbox::postgres_in(pool.clone(), &schema)?;
            outbox.migrate().await?;
            let sql = backlog(
                &format!("{schema}.river_job"),
                "jsonb_build_object('event', jsonb_build_object('type', 'sale', 'transaction_id', 't' || n, 'amount_cents', 100, 'currency', 'USD', 'customer_key', 'user_' || n))",
                pending,
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await?;
            measure("Postgres", outage, pending, &outbox, statements).await?;
        }
    }
    Ok(())
}

/// The statement that inserts pending sales.
fn backlog(table: &str, args: &str, pending: u32) -> String {
    format!(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {pending})
         INSERT INTO {table} (kind, queue, max_attempts, args) SELECT 'affitor_event', 'affitor', 30, {args} FROM number"
    )
}

async fn measure<DB: Database>(
    database: &str,
    outage: &str,
    pending: u32,
    outbox: &Outbox<DB>,
    statements: &Statements,
) -> Result<(), Error> {
    let sandbox = Sandbox::builder().requests_kept(1_000_000).start().await?;
    let mut client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url());
    if outage == "wrong key" {
        client = client.api_key("aff_wrong");
    } else {
        sandbox.inject(Fault::BadGateway.always());
    }
    let worker = outbox.worker(client.build()?).start().await?;
    tokio::time::sleep(SETTLE).await;
    let (before, calls) = (statements.0.load(Ordering::Relaxed), sandbox.requests().len());
    let started = Instant::now();
    tokio::time::sleep(MEASURED).await;
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    let counted = (statements.0.load(Ordering::Relaxed) - before) as f64 / minutes;
    let calls = (sandbox.requests().len() - calls) as f64 / minutes;
    println!("{database:<12}{outage:<18}{pending:>10}{counted:>14.0}{calls:>10.0}");
    worker.shutdown().await?;
    Ok(())
}
