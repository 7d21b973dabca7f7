//! The payment ledger: recording webhooks in the app's transaction next to a bare insert, and what a payment takes in the database.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant, SystemTime},
};

use affitor_outbox::{Database, Outbox, PaymentSettings, sqlx};
use affitor_payments::{Stripe, StripeReporter, Webhook, WebhookEvent};
use affitor_tests::databases::{Postgres, sqlite};
use serde_json::{Value, json};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Number of payments in each case.
const PAYMENTS: i64 = 1_500;

pub(crate) fn report() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run()).map_err(|error| error.to_string().into())
}

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) enum Case {
    /// A row in a table of the app.
    Bare,
    /// The first webhook of a payment.
    First,
    /// The same webhook again.
    Again,
    /// A refund of it.
    Refund,
    /// A payment that may belong to an invoice, and is held.
    Held,
    /// One of many refunds of one payment.
    RefundOf(i64),
}

const CASES: [Case; 4] = [Case::Bare, Case::First, Case::Again, Case::Refund];

async fn run() -> Result<(), Error> {
    println!("transactions per second, each with an order; {PAYMENTS} payments");
    println!("{:<32}{:>10}{:>16}{:>16}{:>10}", "", "bare row", "first webhook", "the same again", "refund");
    let (pool, _folder) = sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).with_payment_settings(PaymentSettings::new().program_id(42));
    outbox.migrate().await?;
    prepare(async |sql| Ok(sqlx::raw_sql(sql).execute(&pool).await.map(drop)?)).await?;
    measure("SQLite, WAL, synchronous=FULL", 1, async |number, case| {
        let mut tx = outbox.begin().await?;
        sqlx::query("INSERT INTO orders (number) VALUES ($1)").bind(number).execute(&mut *tx).await?;
        match event(number, case) {
            None => {
                let bare = sqlx::query("INSERT INTO events (payload) VALUES ($1)").bind(number.to_string());
                bare.execute(&mut *tx).await?;
            }
            Some(event) => drop(outbox.record_payment(&mut tx, &event).await?),
        }
        Ok(tx.commit().await?)
    })
    .await?;
    let size: (i64, i64) = sqlx::query_as(
        "SELECT sum(pgsize), (SELECT count(*) FROM affitor_payments) FROM dbstat
         WHERE name LIKE 'affitor_payment%' OR name LIKE 'affitor_report%' OR name LIKE 'sqlite_autoindex_affitor%'",
    )
    .fetch_one(&pool)
    .await
    .unwrap_or_default();
    println!("SQLite: {} bytes per payment with a refund, in the ledger's tables and indexes", size.0 / size.1.max(1));
    many_refunds("SQLite", &outbox).await?;

    let server = Postgres::start().ok_or("Postgres is not installed")?;
    let pool = server.pool().await;
    let outbox = Outbox::postgres(pool.clone()).with_payment_settings(PaymentSettings::new().program_id(42));
    outbox.migrate().await?;
    prepare(async |sql| Ok(sqlx::raw_sql(sql).execute(&pool).await.map(drop)?)).await?;
    for writers in [1, 8] {
        measure(&format!("Postgres, {writers} at a time"), writers, async |number, case| {
            let mut tx = outbox.begin().await?;
            sqlx::query("INSERT INTO orders (number) VALUES ($1)").bind(number).execute(&mut *tx).await?;
            match event(number, case) {
                None => {
                    let bare = sqlx::query("INSERT INTO events (payload) VALUES ($1)").bind(number.to_string());
                    bare.execute(&mut *tx).await?;
                }
                Some(event) => drop(outbox.record_payment(&mut tx, &event).await?),
            }
            Ok(tx.commit().await?)
        })
        .await?;
    }
    let size: (i64, i64) = sqlx::query_as(
        "SELECT CAST(sum(pg_total_relation_size(c.oid)) AS bigint), (SELECT count(*) FROM affitor.affitor_payments)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'affitor' AND c.relkind = 'r' AND (c.relname LIKE 'affitor_payment%' OR c.relname = 'affitor_reports')",
    )
    .fetch_one(&pool)
    .await?;
    println!(
        "Postgres: {} bytes per payment with a refund, in the ledger's tables and indexes",
        size.0 / size.1.max(1)
    );
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT * FROM (SELECT 'groups', count(*) FROM affitor.affitor_payment_groups UNION ALL
         SELECT 'ids', count(*) FROM affitor.affitor_payment_ids UNION ALL
         SELECT 'payments', count(*) FROM affitor.affitor_payments UNION ALL
         SELECT 'webhooks', count(*) FROM affitor.affitor_payment_webhooks UNION ALL
         SELECT 'reports', count(*) FROM affitor.affitor_reports) AS rows",
    )
    .fetch_all(&pool)
    .await?;
    let rows: Vec<String> =
        rows.iter().map(|(table, rows)| format!("{:.1} {table}", *rows as f64 / size.1 as f64)).collect();
    println!("rows per payment: {}", rows.join(", "));
    many_refunds("Postgres", &outbox).await
}

/// Measures the refunds of one payment: milliseconds of the first, and of the last, which find all others.
async fn many_refunds<DB: Database>(name: &str, outbox: &Outbox<DB>) -> Result<(), Error> {
    const REFUNDS: i64 = 1_000;
    const MEASURED: i64 = 50;
    let payment = -1;
    outbox.record_payment_alone(&event(payment, Case::First).ok_or("no webhook")?).await?;
    let mut spent = Vec::new();
    for number in 0..REFUNDS {
        let event = event(-10 - number, Case::RefundOf(payment)).ok_or("no webhook")?;
        let started = Instant::now();
        outbox.record_payment_alone(&event).await?;
        spent.push(started.elapsed());
    }
    let mean = |spent: &[Duration]| spent.iter().sum::<Duration>().as_secs_f64() * 1_000.0 / spent.len() as f64;
    let (first, last) = (mean(&spent[..MEASURED as usize]), mean(&spent[(REFUNDS - MEASURED) as usize..]));
    println!(
        "{name}: one of the first {MEASURED} refunds of a payment {first:.1} ms, of the last {MEASURED} of {REFUNDS} {last:.1} ms"
    );
    Ok(())
}

async fn prepare(run: impl AsyncFn(&'static str) -> Result<(), Error>) -> Result<(), Error> {
    run("CREATE TABLE orders (number bigint)").await?;
    run("CREATE TABLE events (payload text)").await
}

/// Measures the cases in alternating rounds, so that other load on the machine affects all.
async fn measure(name: &str, writers: i64, write: impl AsyncFn(i64, Case) -> Result<(), Error>) -> Result<(), Error> {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    const ROUNDS: i64 = 10;
    let mut spent = [Duration::ZERO; CASES.len()];
    for _ in 0..ROUNDS {
        let first = NEXT.fetch_add(PAYMENTS / ROUNDS, Ordering::Relaxed);
        for (case, spent) in CASES.into_iter().zip(&mut spent) {
            let started = Instant::now();
            let all_writers = (0..writers).map(|writer| {
                let write = &write;
                async move {
                    for number in (first..first + PAYMENTS / ROUNDS).filter(|number| number % writers == writer) {
                        write(number, case).await?;
                    }
                    Ok::<(), Error>(())
                }
            });
            for result in futures_util::future::join_all(all_writers).await {
                result?;
            }
            *spent += started.elapsed();
        }
    }
    let [bare, new, again, refund] = spent.map(|spent| PAYMENTS as f64 / spent.as_secs_f64());
    println!("{name:<32}{bare:>10.0}{new:>16.0}{again:>16.0}{refund:>10.0}");
    Ok(())
}

/// The webhook of a case.
pub(crate) fn event(number: i64, case: Case) -> Option<WebhookEvent<Stripe>> {
    let now = SystemTime::now();
    let created = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (kind, object): (_, Value) = match case {
        Case::Bare => return None,
        Case::First | Case::Again => (
            "checkout.session.completed",
            json!({ "id": format!("cs_{number}"), "object": "checkout.session", "mode": "payment", "payment_status": "paid",
                "payment_intent": format!("pi_{number}"), "amount_total": 4_900, "currency": "usd", "created": created,
                "metadata": { "program_id": "42", "affitor_customer_key": format!("user_{number}") } }),
        ),
        Case::Held => (
            "payment_intent.succeeded",
            json!({ "id": format!("pi_{number}"), "object": "payment_intent", "status": "succeeded", "amount": 4_900,
                "amount_received": 4_900, "currency": "usd", "created": created,
                "metadata": { "program_id": "42", "affitor_customer_key": format!("user_{number}") } }),
        ),
        Case::Refund => ("refund.created", refund(number, number, 1_000, created)),
        Case::RefundOf(payment) => ("refund.created", refund(number, payment, 1, created)),
    };
    let body = json!({ "id": format!("evt_{kind}_{number}"), "object": "event", "type": kind, "created": created, "livemode": true,
        "data": { "object": object } })
    .to_string();
    let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App).ok()?;
    let headers = webhook.sign("msg_1", body.as_bytes(), now);
    webhook.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), now).ok()
}

fn refund(number: i64, payment: i64, cents: i64, created: u64) -> Value {
    json!({ "id": format!("re_{number}"), "object": "refund", "amount": cents, "currency": "usd", "status": "succeeded",
        "payment_intent": format!("pi_{payment}"), "charge": format!("ch_{payment}"), "created": created })
}
