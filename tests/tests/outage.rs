//! Two days without the service: River's clock can't be moved, so the rows' times are rewritten, as if two hours had passed, 24
//! times.

use std::time::{Duration, Instant};

use affitor::{Click, Client, Currency, Lead, Refund, Sale};
use affitor_outbox::{DeadReason, Outbox, sqlx};
use affitor_sandbox::{ApiCall, Fault, Sandbox};

const CUSTOMERS: u64 = 10;

async fn click(sandbox: &Sandbox) -> affitor::ClickId {
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    client.track_click(Click::landing(landing)).await.unwrap().click_id().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_days_of_outage() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    outbox.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let client = || Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url());
    for number in 0..CUSTOMERS {
        let click = click(&sandbox).await;
        let (customer, id) = (format!("user_{number}"), format!("in_{number}"));
        outbox.enqueue_alone(Lead::new(&customer).click_id(click)).await.unwrap();
        outbox.enqueue_alone(Sale::new(&id, 4_900, Currency::USD).customer_key(&customer)).await.unwrap();
        outbox.enqueue_alone(Refund::full(&id)).await.unwrap();
    }
    // Every way in which it can be gone, leads being the first that meet it.
    for fault in [
        Fault::BadGateway,
        Fault::ResetBeforeWrite,
        Fault::ErrorBeforeWrite,
        Fault::RateLimited(Duration::from_secs(1)),
    ] {
        sandbox.inject(fault.with_probability(0.4));
    }
    sandbox.inject(Fault::BadGateway.always());
    let worker = outbox.worker(client()).start().await.unwrap();
    let size = async || -> (i64, i64) {
        let sql = "SELECT count(*), max(length(args) + length(metadata) + coalesce(length(errors), 0)) FROM river_job";
        sqlx::query_as(sql).fetch_one(&pool).await.unwrap()
    };
    let tried = async || sandbox.requests().iter().filter(|request| request.status != Some(200)).count() as u64;
    // What waits is due now, as if its time had come.
    let due = async || {
        let sql = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second') WHERE state = 'scheduled'";
        sqlx::query(sql).execute(&pool).await.unwrap();
    };
    let mut sizes = Vec::new();
    for _ in 0..24 {
        let (before, began) = (tried().await, Instant::now());
        while tried().await < before + CUSTOMERS {
            assert!(began.elapsed() < Duration::from_secs(60), "{} tries", tried().await - before);
            due().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        sizes.push(size().await);
        let books = outbox.stats().await.unwrap();
        assert_eq!((books.pending, books.rejected), (3 * CUSTOMERS, 0), "{books:?}");
        let sql = "UPDATE river_job SET created_at = datetime(created_at, '-2 hours')";
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    assert!(sizes.iter().all(|(rows, _)| *rows == 3 * CUSTOMERS as i64), "{sizes:?}");
    let (first, last) = (sizes[1].1, sizes[23].1);
    assert!(last <= first + 64, "a row does not grow by what it has been through: {first} to {last} bytes");

    sandbox.clear_faults();
    let began = Instant::now();
    loop {
        due().await;
        let books = outbox.stats().await.unwrap();
        if books.pending == 0 {
            assert_eq!((books.recorded, books.rejected, books.not_attributed), (3 * CUSTOMERS, 0, 0), "{books:?}");
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{books:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    worker.shutdown().await.unwrap();
    let held = sandbox.snapshot();
    let count = CUSTOMERS as usize;
    assert_eq!((held.leads.len(), held.sales.len(), held.refunds.len()), (count, count, count));
}

/// The refund's webhook came before the sale's, and both before an outage; and what has died of age is tried anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_outage_does_not_use_up() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    outbox.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let client = || Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url());
    let click = click(&sandbox).await;
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    outbox.enqueue_alone(Lead::new("user_1").click_id(click)).await.unwrap();
    outbox.enqueue_alone(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_1")).await.unwrap();
    let older = async |by: &str| {
        let sql = "UPDATE river_job SET created_at = datetime(created_at, $1)";
        sqlx::query(sql).bind(by).execute(&pool).await.unwrap();
    };
    let until = async |so: &dyn Fn(&affitor_outbox::OutboxStats) -> bool| {
        let began = Instant::now();
        loop {
            let books = outbox.stats().await.unwrap();
            if so(&books) {
                return books;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{books:?}");
            let sql = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second') WHERE state = 'scheduled'";
            sqlx::query(sql).execute(&pool).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    older("-2 hours").await;
    sandbox.inject(Fault::BadGateway.times(2).on(ApiCall::Lead));
    let worker = outbox.worker(client()).start().await.unwrap();
    let books = until(&|books| books.pending == 0).await;
    assert_eq!((books.recorded, books.not_attributed), (3, 0), "the refund waits for its sale: {books:?}");

    outbox.enqueue_alone(Sale::new("in_2", 4_900, Currency::USD).customer_key("user_1")).await.unwrap();
    sandbox.inject(Fault::BadGateway.always().on(ApiCall::Sale));
    // Fifteen days without a worker are not fifteen days of tries.
    older("-15 days").await;
    let tried = async || sandbox.requests().iter().filter(|r| r.call == Some(ApiCall::Sale)).count();
    let before = tried().await;
    until(&|_| true).await;
    while tried().await < before + 2 {
        until(&|_| true).await;
        let sql = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second') WHERE state = 'scheduled'";
        sqlx::query(sql).execute(&pool).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(outbox.stats().await.unwrap().rejected, 0);
    let sql =
        "UPDATE river_job SET metadata = jsonb_set(metadata, '$.affitor_fails_since', 1) WHERE state = 'scheduled'";
    while sqlx::query(sql).execute(&pool).await.unwrap().rows_affected() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until(&|books| books.rejected == 1).await;
    let dead = outbox.dead(1).await.unwrap();
    assert_eq!(dead[0].reason, DeadReason::TooOld);
    sandbox.clear_faults();
    sandbox.inject(Fault::BadGateway.times(2).on(ApiCall::Sale));
    assert!(outbox.replay(dead[0].id).await.unwrap());
    let books = until(&|books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.recorded, books.rejected), (4, 0), "two failures after it was replayed: {books:?}");
}

/// A customer whom the service does not know may still come for an hour, where there is a click; and it is asked no sooner than it
/// likes.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_customer() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    outbox.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let sale = |id: &str| Sale::new(id, 4_900, Currency::USD).customer_key("nobody");
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(sale("in_2").click_id(affitor::ClickId::new("cust_9_1").unwrap())).await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url());
    let worker = outbox.worker(client).start().await.unwrap();
    let until = async |sql: &'static str| {
        let began = Instant::now();
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.unwrap() == 0 {
            assert!(began.elapsed() < Duration::from_secs(30), "{sql}: {:?}", outbox.stats().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until("SELECT count(*) FROM river_job WHERE state = 'completed'").await;
    until("SELECT count(*) FROM river_job WHERE state = 'scheduled' AND metadata ->> 'affitor_unknown_since' > 0")
        .await;
    let books = outbox.stats().await.unwrap();
    assert_eq!((books.not_attributed, books.pending), (1, 1), "without a click it is at once: {books:?}");

    // Now the service asks for ten minutes, which the hour does not run.
    sandbox.inject(Fault::RateLimited(Duration::from_secs(600)).times(1).on(ApiCall::Sale));
    let old = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second'),
        metadata = jsonb_set(metadata, '$.affitor_unknown_since', unixepoch() - 3500) WHERE state = 'scheduled'";
    assert_eq!(sqlx::query(old).execute(&pool).await.unwrap().rows_affected(), 1);
    until("SELECT count(*) FROM river_job WHERE state = 'scheduled' AND scheduled_at > datetime('now', '+595 seconds')
        AND scheduled_at < datetime('now', '+665 seconds') AND metadata ->> 'affitor_unknown_since' > unixepoch() - 2950").await;
    let old = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second'),
        metadata = jsonb_set(metadata, '$.affitor_unknown_since', unixepoch() - 3601) WHERE state = 'scheduled'";
    assert_eq!(sqlx::query(old).execute(&pool).await.unwrap().rows_affected(), 1);
    until("SELECT count(*) = 2 FROM river_job WHERE state = 'completed'").await;
    worker.shutdown().await.unwrap();
    assert_eq!(outbox.stats().await.unwrap().not_attributed, 2);
}

/// A sale that was on its way when its worker died, and is known then, may lack its commission.
#[tokio::test(flavor = "multi_thread")]
async fn a_sale_known_after_a_kill() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    outbox.migrate().await.unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let client = || Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url());
    let click = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_1").click_id(click)).await.unwrap();
    let worker = outbox.worker(client()).start().await.unwrap();
    let all = async |count: u64| {
        while outbox.stats().await.unwrap().pending != 0 || outbox.stats().await.unwrap().enqueued != count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all(1)).await.unwrap();
    worker.shutdown().await.unwrap();
    for (id, state) in [
        ("in_1", "state = 'running', attempt = 1, attempted_at = datetime('now', '-10 minutes')"),
        ("in_2", "attempt = 0"),
    ] {
        let sale = Sale::new(id, 4_900, Currency::USD).customer_key("user_1");
        let _ = client().build().unwrap().track_sale(sale.clone()).await.unwrap();
        outbox.enqueue_alone(sale).await.unwrap();
        let sql = format!("UPDATE river_job SET {state} WHERE state = 'available'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    }
    let worker = outbox.worker(client()).start().await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), all(3)).await.unwrap();
    worker.shutdown().await.unwrap();
    let books = outbox.stats().await.unwrap();
    assert_eq!((books.already_recorded, books.uncertain), (2, 1), "the other was reported by somebody else: {books:?}");
}
